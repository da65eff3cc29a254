import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { openRepository } from "../../src/git/index.js";
import { TreewireError } from "../../src/util/index.js";
import { Random } from "../parity/random.js";
import { createRepo, GIT_ENV, type TestRepo } from "../support/repo.js";

/** No answer may take more time of the processor than this: one that hangs takes all there is. */
const HANG_MS = 1000;
/** What damage may make the process hold at most, beyond what it held before, in bytes. */
const MEMORY_BYTES = 256 * 2 ** 20;

/** Everything that is asked of a repository, with what may come out: an answer, or an error that names a file. */
async function askEverything(root: string): Promise<void> {
  const repository = await openRepository(root, GIT_ENV);
  await repository.remoteOrigin();
  const rules = repository.ignoreRules(repository.readIgnoreFile(""));
  for (const name of ["a", "b.log", "dir", "keep"])
    rules.enter("dir", repository.readIgnoreFile("dir")).ignores(name, false);
  const head = await repository.head();
  const index = repository.index();
  await repository.headDifferences(index, head.tree);
  for (let position = 0; position < Math.min(index.count, 50); position += 1) {
    const path = index.path(position);
    repository.attributes(path);
    repository.submoduleIgnore(path);
    const blob = Buffer.from(await repository.readBlob(index.oid(position)));
    if (hashOf(blob) !== index.oid(position)) throw new Error(`${path}: not the blob that was asked for`);
    repository.blobSize(index.oid(position));
    index.find(path);
    index.range(path);
  }
  await repository.clean("a.txt", lstatSync(join(root, "a.txt")), undefined);
}

function hashOf(blob: Buffer): string {
  return createHash("sha1").update(`blob ${blob.length}\0`).update(blob).digest("hex");
}

/** A repository in which each kind of file is there, small, so that each of its bytes can be damaged. */
function damageable(t: Test): TestRepo {
  const repo = createRepo(t, {
    "a.txt": "a\n",
    "dir/long": "line\n".repeat(50),
    ".gitignore": "*.log\n!keep\n[a-c]x*\n/dir/**/z\n",
    ".gitattributes": '[attr]blob -diff\n*.txt text eol=lf\n"q x" blob\n',
    "dir/.gitignore": "b\n",
  });
  repo.write("dir/long", `${"line\n".repeat(25)}changed\n${"line\n".repeat(25)}`);
  repo.commit();
  repo.git("gc", "-q");
  repo.git("tag", "other");
  repo.git("config", "remote.origin.url", "https://example.com/x");
  repo.git("config", "include.path", "more");
  repo.write(".git/more", "[core]\n\tautocrlf = input\n");
  repo.write("loose", "loose\n");
  repo.git("add", "loose");
  repo.git("commit", "-qm", "loose");
  repo.git("multi-pack-index", "write");
  const commit = repo.git("rev-parse", "HEAD");
  repo.git("pack-refs", "--all");
  repo.write(".git/refs/heads/main", `${commit}\n`);
  return repo;
}

/** The files of each kind, below the root. */
function filesOf(root: string): Record<string, string> {
  const packs = join(root, ".git/objects/pack");
  const pack = (end: string): string =>
    join(".git/objects/pack", readdirSync(packs).find((name) => name.endsWith(end)) ?? "");
  const head = readFileSync(join(root, ".git/refs/heads/main"), "latin1");
  return {
    index: ".git/index",
    pack: pack(".pack"),
    "pack index": pack(".idx"),
    "multi-pack-index": ".git/objects/pack/multi-pack-index",
    "loose object": join(".git/objects", head.slice(0, 2), head.slice(2, 40)),
    HEAD: ".git/HEAD",
    branch: ".git/refs/heads/main",
    "packed refs": ".git/packed-refs",
    config: ".git/config",
    "included config": ".git/more",
    ".gitignore": ".gitignore",
    ".gitattributes": ".gitattributes",
  };
}

/** What would be read instead of a kind of file, and so is put aside while that is damaged. */
const INSTEAD: Readonly<Record<string, string>> = {
  "pack index": ".git/objects/pack/multi-pack-index",
  "packed refs": ".git/refs/heads/main",
};

/** Ways to spoil one byte, or the file from there on. */
function* damages(bytes: Buffer, random: Random, most: number): Generator<Buffer> {
  const stride = Math.max(1, Math.floor(bytes.length / most));
  for (let at = random.below(stride); at < bytes.length; at += stride) {
    const spoiled = Buffer.from(bytes);
    const kind = random.below(5);
    if (kind === 0) yield bytes.subarray(0, at);
    else {
      spoiled[at] = [0, 0xff, (bytes[at] ?? 0) ^ (1 << random.below(8)), random.below(256)][kind - 1] ?? 0;
      yield spoiled;
    }
  }
}

t.test("whatever byte is damaged: an answer or an error that names a file, at once", async (t) => {
  const repo = damageable(t);
  const seed = Number(process.env.TREEWIRE_TEST_SEED ?? 20_260_102);
  const random = new Random(seed);
  const before = process.memoryUsage.rss();
  for (const [kind, path] of Object.entries(filesOf(repo.root))) {
    const bytes = readFileSync(join(repo.root, path));
    const instead = INSTEAD[kind] === undefined ? undefined : join(repo.root, INSTEAD[kind]);
    if (instead !== undefined) renameSync(instead, `${instead}.aside`);
    let tries = 0;
    let refused = 0;
    for (const spoiled of damages(bytes, random, 250)) {
      tries += 1;
      rmSync(join(repo.root, path));
      writeFileSync(join(repo.root, path), spoiled);
      const start = process.cpuUsage();
      try {
        await askEverything(repo.root);
      } catch (thrown) {
        refused += 1;
        const said = thrown instanceof TreewireError ? thrown.message : String((thrown as Error).stack);
        if (!(thrown instanceof TreewireError) || !/\.git|object [0-9a-f]{40}|a\.txt/.test(said)) {
          t.fail(`${kind}, try ${tries}, seed ${seed}: ${said}`);
        }
      }
      const { user, system } = process.cpuUsage(start);
      const tookMs = (user + system) / 1000;
      if (tookMs > HANG_MS) t.fail(`${kind}, try ${tries}, seed ${seed}: took ${Math.round(tookMs)} ms`);
    }
    rmSync(join(repo.root, path));
    writeFileSync(join(repo.root, path), bytes);
    if (instead !== undefined) renameSync(`${instead}.aside`, instead);
    t.ok(tries > 0, `${kind}: ${tries} damages, ${refused} refused`);
  }
  await askEverything(repo.root);
  const grown = process.memoryUsage.rss() - before;
  t.ok(grown < MEMORY_BYTES, `memory grew by ${Math.round(grown / 2 ** 20)} MiB`);
});
