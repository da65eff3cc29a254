import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { FileWatchBudget } from "../../../src/worktree/watch/file-watch-budget.js";
import fc from "../../support/fast-check.js";
import { follow, untilRight } from "../../support/followed.js";
import { createRepo, type TestRepo } from "../../support/repo.js";
import { tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";

/** A repository whose index proves its files unchanged. */
function settledRepo(t: Parameters<typeof createRepo>[0], files: Record<string, string>): TestRepo {
  const repo = createRepo(t, files);
  for (const path of Object.keys(files)) repo.touch(path, 1_700_000_000);
  repo.git("update-index", "-q", "--refresh");
  return repo;
}

/** Links a file of the repository to another name, whose directory is made; absolute paths are taken as they are. */
function link(repo: TestRepo, from: string, to: string): string {
  const target = to.startsWith("/") ? to : join(repo.root, to);
  mkdirSync(dirname(target), { recursive: true });
  linkSync(from.startsWith("/") ? from : join(repo.root, from), target);
  return target;
}

t.test("a file that is written by another name", async (t) => {
  const outside = tempDir(t);
  const repo = createRepo(t, { ".gitignore": "ignored/\n", a: "a\n", "dir/b": "b\n", "dir/sub/c": "c\n" });
  repo.write("untracked", "u\n");
  const others = [
    link(repo, "a", join(outside, "a")),
    link(repo, "dir/b", "ignored/deep/b"),
    link(repo, "dir/sub/c", "second/c"),
    link(repo, "untracked", join(outside, "u")),
  ];
  repo.git("add", "second/c");
  for (const path of ["a", "dir/b", "dir/sub/c"]) repo.touch(path, 1_700_000_000);
  repo.git("commit", "-qm", "links");
  const followed = await follow(t, repo);
  for (const other of others) {
    appendFileSync(other, "more\n");
    await untilRight(followed, repo);
    truncateSync(other);
    await untilRight(followed, repo);
    writeFileSync(other, "again\n");
    await untilRight(followed, repo);
  }
});

t.test("the watch of a file goes with the name, and with the other names", async (t) => {
  const outside = tempDir(t);
  const repo = settledRepo(t, { a: "a\n", b: "b\n" });
  const other = link(repo, "a", join(outside, "a"));
  const followed = await follow(t, repo);
  const watches = (): number => followed.tracker.watcher.watches;
  const most = watches();
  repo.write("a.tmp", "saved by an editor\n");
  repo.move("a.tmp", "a");
  await untilRight(followed, repo);
  t.equal(watches(), most - 1, "the name stands for a file of one name now");
  appendFileSync(other, "no longer of the tree\n");
  rmSync(join(repo.root, "a"));
  linkSync(other, join(repo.root, "a"));
  await untilRight(followed, repo);
  t.equal(watches(), most);
  appendFileSync(other, "of the tree again\n");
  await untilRight(followed, repo);
  rmSync(other);
  await until("the last name is watched by its directory alone", () => watches() === most - 1);
  repo.write("a", "by its own name\n");
  await untilRight(followed, repo);
});

t.test("a file that gets a second name in the tree is written by either", async (t) => {
  const repo = settledRepo(t, { a: "a\n", "dir/b": "b\n" });
  const followed = await follow(t, repo);
  const second = link(repo, "a", "dir/second");
  await untilRight(followed, repo);
  appendFileSync(second, "by the second\n");
  await untilRight(followed, repo);
  appendFileSync(join(repo.root, "a"), "by the first\n");
  await untilRight(followed, repo);
});

t.test("links in ignored directories cost nothing", async (t) => {
  const store = tempDir(t);
  const repo = settledRepo(t, { ".gitignore": "node_modules/\n", a: "a\n" });
  const before = (await follow(t, repo)).tracker.watcher.watches;
  mkdirSync(join(repo.root, "node_modules"));
  for (let at = 0; at < 300; at++) {
    writeFileSync(join(store, String(at)), `${at}\n`);
    linkSync(join(store, String(at)), join(repo.root, "node_modules", String(at)));
  }
  const followed = await follow(t, repo);
  t.equal(followed.tracker.watcher.watches, before);
  t.equal(followed.tracker.state?.health, "");
});

t.test("so many links are watched; of more the health tells, and they are polled", async (t) => {
  for (const tracked of [true, false]) {
    const outside = tempDir(t);
    const names = Array.from({ length: 6 }, (_, at) => `d${at % 2}/f${at}`);
    const repo = settledRepo(t, tracked ? Object.fromEntries(names.map((name) => [name, "x\n"])) : { a: "a\n" });
    if (!tracked) for (const name of names) repo.write(name, "x\n");
    for (const [at, name] of names.entries()) link(repo, name, join(outside, String(at)));
    const fileWatches = new FileWatchBudget(4);
    const followed = await follow(t, repo, { fileWatches });
    t.match(followed.tracker.state?.health, /^polled every \d+ s: too many files with several names/);
    t.equal(fileWatches.take(), undefined);
    for (const at of names.keys()) appendFileSync(join(outside, String(at)), "more\n");
    await followed.tracker.refresh();
    await untilRight(followed, repo);
    for (const at of names.keys()) rmSync(join(outside, String(at)));
    await followed.tracker.refresh();
    t.equal(followed.tracker.state?.health, "", "each has one name again");
    followed.tracker.close();
  }
});

t.test("a closed tree gives its watches back", async (t) => {
  const repo = settledRepo(t, { a: "a\n" });
  link(repo, "a", join(tempDir(t), "a"));
  const fileWatches = new FileWatchBudget(1);
  const followed = await follow(t, repo, { fileWatches });
  t.equal(fileWatches.take(), undefined);
  followed.tracker.close();
  t.not(fileWatches.take(), undefined);
});

t.test("names of files come, go and are written by each other at random", async (t) => {
  const inTree = ["a", "b", "dir/c", "dir/sub/d", "new"];
  const elsewhere = ["ignored/x", "OUT/y", "OUT/z"];
  const anywhere = fc.constantFrom(...inTree, ...elsewhere);
  const pair = { from: anywhere, to: anywhere };
  const before = fc.array(fc.record(pair), { maxLength: 4 });
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ op: fc.constant("write" as const), to: anywhere }) },
    fc.record({ op: fc.constant("save" as const), to: anywhere }),
    fc.record({ op: fc.constant("remove" as const), to: anywhere }),
    // a name that a file gets outside of what is watched raises no event in the tree: that is the sweep's
    fc.record({ op: fc.constant("link" as const), from: anywhere, to: fc.constantFrom(...inTree) }),
  );
  await fc.assert(
    fc.asyncProperty(
      before,
      fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { maxLength: 5 }),
      async (links, rounds) => {
        const out = tempDir(t);
        const repo = settledRepo(t, {
          ".gitignore": "ignored/\n",
          a: "a\n",
          b: "b\n",
          "dir/c": "c\n",
          "dir/sub/d": "d\n",
        });
        const place = (name: string): string => (name.startsWith("OUT/") ? join(out, name) : join(repo.root, name));
        const relink = (from: string, to: string): void => {
          if (from === to || !existsSync(place(from))) return;
          rmSync(place(to), { force: true });
          link(repo, place(from), place(to));
        };
        for (const { from, to } of links) relink(from, to);
        const followed = await follow(t, repo);
        let written = 0;
        for (const steps of rounds) {
          for (const each of steps) {
            const target = place(each.to);
            mkdirSync(dirname(target), { recursive: true });
            if (each.op === "write") appendFileSync(target, `${written++}\n`);
            else if (each.op === "remove") rmSync(target, { force: true });
            else if (each.op === "link") relink(each.from, each.to);
            else {
              writeFileSync(`${target}.tmp`, `saved ${written++}\n`);
              renameSync(`${target}.tmp`, target);
            }
          }
          await untilRight(followed, repo);
        }
        followed.tracker.close();
      },
    ),
    { numRuns: Number(process.env.ROUNDS ?? 12) },
  );
});
