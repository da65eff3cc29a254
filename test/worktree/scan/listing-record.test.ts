import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { type IndexFile, openRepository } from "../../../src/git/index.js";
import { scanOnceRaw } from "../../../src/worktree/index.js";
import { DirectoryCheck } from "../../../src/worktree/scan/directory-check.js";
import { IndexTree } from "../../../src/worktree/scan/index-tree.js";
import { KnownListings } from "../../../src/worktree/scan/known-listings.js";
import { ListingRecord } from "../../../src/worktree/scan/listing-record.js";
import { expectedDiff } from "../../support/git-oracle.js";
import { Random, SEED } from "../../support/random.js";
import { createRepo, git, type TestRepo } from "../../support/repo.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

/** Enough that a record is kept of them. */
const DIRECTORIES = 520;
const ROUNDS = 60;
/** Longer than two changes may have the same time. */
const TICK_MS = 30;

const directoryOf = (at: number) => `d${at % 20}/e${at}`;

/** A tree in whose every directory there is a file, and a cache. */
function open(t: Cleanup): { repo: TestRepo; cache: string } {
  const paths = Array.from({ length: DIRECTORIES }, (_, at) => `${directoryOf(at)}/file`);
  const repo = createRepo(t, Object.fromEntries(paths.map((path) => [path, `${path}\n`])));
  for (const path of paths) repo.touch(path, 1_700_000_000);
  for (let at = 0; at < DIRECTORIES; at += 1) repo.touch(directoryOf(at), 1_700_000_000); // which can be set again, to the nanosecond
  repo.git("update-index", "-q", "--refresh");
  return { repo, cache: tempDir(t) };
}

/** Lets directories that are there for a moment look old. What comes within a tick of a look is seen as after it. */
function age(t: Cleanup): void {
  const { now } = Date;
  Date.now = () => now() + 10_000;
  t.teardown(() => {
    Date.now = now;
  });
}

function use(t: Cleanup, cache: string): void {
  const before = process.env.CACHE_DIRECTORY;
  process.env.CACHE_DIRECTORY = cache;
  t.teardown(() => {
    if (before === undefined) delete process.env.CACHE_DIRECTORY;
    else process.env.CACHE_DIRECTORY = before;
  });
}

const recordIn = (cache: string): string => {
  const [name = "", ...others] = readdirSync(join(cache, "listings"));
  if (others.length > 0) throw new Error("there is more than one record");
  return join(cache, "listings", name);
};

async function look(root: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  const { diff, report } = await scanOnceRaw(root);
  for await (const piece of diff) pieces.push(piece);
  report();
  return Buffer.concat(pieces).toString();
}

interface Checked {
  unchanged: number;
  record: ListingRecord;
}

/** Checks all directories with the record as it is in the cache. @param alter what is done to it before */
function check(root: string, cache: string, alter: (table: Float64Array) => void = () => {}): Checked {
  const index: IndexFile = openRepository(root).index();
  const { directories } = new IndexTree(index);
  const record = ListingRecord.open(root, directories, cache);
  if (record === undefined) throw new Error("there is no record");
  alter(record.listings.table);
  const checker = new DirectoryCheck(root, index, undefined, new KnownListings(record.listings));
  let unchanged = 0;
  for (const [at, { path, runs, children }] of directories.entries()) {
    if (checker.isUnchanged({ at, path, runs, children: children.length })) unchanged += 1;
  }
  return { unchanged, record };
}

const ALL = DIRECTORIES + 21;

t.test("what was listed once is not listed again while its times are the same", (t) => {
  age(t);
  const { repo, cache } = open(t);
  const first = check(repo.root, cache);
  t.equal(first.unchanged, ALL);
  first.record.save();
  const withoutOne = (table: Float64Array) => {
    for (let at = 0; at < ALL; at += 2) table[at * 4 + 3] = -1;
  };
  t.equal(check(repo.root, cache, withoutOne).unchanged, Math.floor(ALL / 2), "the number that is kept is what counts");
  t.equal(check(repo.root, cache).unchanged, ALL);
  const { mtimeMs } = statSync(recordIn(cache));
  check(repo.root, cache).record.save();
  t.equal(statSync(recordIn(cache)).mtimeMs, mtimeMs, "without news it is not written");
  t.end();
});

t.test("of a directory that was changed just now nothing is kept", (t) => {
  const { repo, cache } = open(t); // a moment ago, all of it
  const { record } = check(repo.root, cache);
  t.ok(record.listings.table.every((field) => field === 0));
  record.save();
  t.same(readdirSync(cache), []);
  t.end();
});

t.test("nothing is kept of another file system, whose times may say nothing", (t) => {
  age(t);
  const { repo, cache } = open(t);
  const index = openRepository(repo.root).index();
  const { directories } = new IndexTree(index);
  const record = ListingRecord.open(repo.root, directories, cache);
  if (record === undefined) throw new Error("there is no record");
  const { table, device } = record.listings;
  const elsewhere = new KnownListings({ table, device: device + 1 });
  const [first] = directories;
  const path = first?.path ?? "";
  const checker = new DirectoryCheck(repo.root, index, undefined, elsewhere);
  t.ok(checker.isUnchanged({ at: 0, path, runs: first?.runs ?? [], children: first?.children.length ?? 0 }));
  t.ok(table.every((field) => field === 0));
  t.equal(ListingRecord.open("/proc", directories, cache), undefined);
  t.equal(ListingRecord.open(join(repo.root, "missing"), directories, cache), undefined);
  t.equal(ListingRecord.open(repo.root, directories.slice(0, 20), cache), undefined, "a small tree");
  t.end();
});

t.test("what is not this tree's own record, whole, is not taken", (t) => {
  age(t);
  const { repo, cache } = open(t);
  check(repo.root, cache).record.save();
  const file = recordIn(cache);
  const whole = readFileSync(file);
  const kept = () => {
    const index = openRepository(repo.root).index();
    const record = ListingRecord.open(repo.root, new IndexTree(index).directories, cache);
    return record?.listings.table.some((field) => field !== 0) ?? false;
  };
  t.ok(kept());
  const random = new Random(SEED);
  for (let at = 0; at < 200; at += 1) {
    const damaged = Buffer.from(whole);
    const place = random.below(whole.length);
    damaged[place] = (damaged[place] ?? 0) ^ (1 << random.below(8));
    writeFileSync(file, damaged);
    t.notOk(kept(), `byte ${place}`);
  }
  for (const length of [0, 1, 64, 129, 130, 138, whole.length - 8, whole.length - 1]) {
    writeFileSync(file, whole.subarray(0, length));
    t.notOk(kept(), `${length} bytes`);
  }
  writeFileSync(file, Buffer.concat([whole, whole]));
  t.notOk(kept());
  writeFileSync(file, whole);
  t.ok(kept());
  chmodSync(file, 0o622);
  t.notOk(kept(), "others could have written it");
  chmodSync(file, 0o600);
  const copy = join(tempDir(t), "copy");
  cpSync(repo.root, copy, { recursive: true, preserveTimestamps: true });
  git(copy, "update-index", "-q", "--refresh");
  check(copy, cache).record.save();
  const other = readdirSync(join(cache, "listings")).find((name) => join(cache, "listings", name) !== file) ?? "";
  copyFileSync(join(cache, "listings", other), file);
  t.notOk(kept(), "another tree's");
  rmSync(file);
  mkdirSync(file);
  t.notOk(kept(), "a directory");
  t.end();
});

t.test("there are a hundred records at most", (t) => {
  age(t);
  const { repo, cache } = open(t);
  mkdirSync(join(cache, "listings"), { recursive: true, mode: 0o700 });
  for (let at = 0; at < 120; at += 1) {
    const file = join(cache, "listings", `of another ${at}`);
    writeFileSync(file, "");
    utimesSync(file, 1_700_000_000 + at, 1_700_000_000 + at);
  }
  check(repo.root, cache).record.save();
  const names = readdirSync(join(cache, "listings"));
  t.equal(names.length, 100);
  t.notOk(names.includes("of another 20"));
  t.ok(names.includes("of another 21"));
  t.end();
});

t.test("whatever is done to the tree and to the record, a look says what git says", async (t) => {
  age(t);
  const { repo, cache } = open(t);
  use(t, cache);
  const { root } = repo;
  const random = new Random(SEED);
  const directory = () => join(root, directoryOf(random.below(DIRECTORIES)));
  const older: Buffer[] = [];
  const steps: Record<string, () => void> = {
    "a new file": () => writeFileSync(join(directory(), `new${random.below(3)}`), "new\n"),
    "a new file, and the times of before": () => {
      const place = directory();
      const { atime, mtime } = statSync(place);
      writeFileSync(join(place, "secret"), "secret\n");
      utimesSync(place, atime, mtime);
    },
    "a file goes": () => rmSync(join(directory(), "file"), { force: true }),
    "a file changes": () => writeFileSync(join(directory(), "file"), `${random.below(1000)} changed\n`),
    "a directory goes": () => rmSync(directory(), { recursive: true, force: true }),
    "a directory is moved into another": () => {
      const [from, to] = [directory(), directory()];
      if (from !== to && existsSync(from) && existsSync(to)) renameSync(from, join(to, "moved"));
    },
    "two directories change places": () => {
      const [one, other] = [directory(), directory()];
      if (one === other || !existsSync(one) || !existsSync(other)) return;
      renameSync(one, `${one}.away`);
      renameSync(other, one);
      renameSync(`${one}.away`, other);
    },
    "a directory's copy in its place": () => {
      const place = directory();
      if (!existsSync(place)) return;
      cpSync(place, `${place}.copy`, { recursive: true, preserveTimestamps: true });
      writeFileSync(join(`${place}.copy`, "added"), "added\n");
      rmSync(place, { recursive: true });
      renameSync(`${place}.copy`, place);
    },
    "all is committed": () => repo.commit(),
    "all is put back": () => {
      repo.git("reset", "-q", "--hard");
      repo.git("clean", "-fdq");
    },
    "an older record": () => {
      const file = recordIn(cache);
      older.push(readFileSync(file));
      writeFileSync(file, random.pick(older));
    },
    "a damaged record": () => {
      const bytes = readFileSync(recordIn(cache));
      bytes[random.below(bytes.length)] = random.below(256);
      writeFileSync(recordIn(cache), bytes);
    },
  };
  t.equal(await look(root), "");
  for (let round = 0; round < ROUNDS; round += 1) {
    await sleep(TICK_MS);
    const done: string[] = [];
    for (let count = random.small(1, 6); count > 0; count -= 1) {
      const [name, step] = random.pick(Object.entries(steps));
      try {
        step();
        done.push(name);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error; // of a directory that is gone
      }
    }
    await sleep(TICK_MS);
    const expected = expectedDiff(root).toString();
    t.equal(await look(root), expected, `${round}: ${done.join(", ")}`);
    t.equal(await look(root), expected, `${round}, again`);
  }
});
