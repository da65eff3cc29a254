import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import t from "tap";
import { findRepositories, RepositorySearch } from "../../src/worktree/index.js";
import fc from "../support/fast-check.js";
import { createRepo, git } from "../support/repo.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";

/** Searches anew whenever the search says that it is outdated, as the agent does; no clock helps. */
async function searching(t: Cleanup, { dir = tempDir(t), ...options }: { maxWatched?: number; dir?: string } = {}) {
  let isOutdated = false;
  let told = 0;
  let found: string[] = [];
  const search = new RepositorySearch({
    ...options,
    onOutdated: () => {
      isOutdated = true;
      told += 1;
    },
  });
  t.teardown(() => search.rest());
  const look = async (): Promise<void> => {
    isOutdated = false;
    found = (await search.find(dir)).map((root) => relative(dir, root));
  };
  await look();
  const untilFound = (...expected: string[]) =>
    until(
      `${expected}`,
      async () => {
        if (isOutdated) await look();
        return found.join() === expected.join();
      },
      { deadlineMs: 20_000, seen: () => found },
    );
  return { dir, search, look, untilFound, told: () => told };
}

t.test("repositories that come and go below a root", async (t) => {
  const { dir, untilFound } = await searching(t);
  const outside = tempDir(t);
  git(dir, "init", "-q", "first");
  await untilFound("first");
  mkdirSync(join(dir, "deep/er/still"), { recursive: true });
  git(join(dir, "deep/er/still"), "init", "-q");
  await untilFound("deep/er/still", "first");
  const repo = createRepo(t, { a: "a\n" });
  git(dir, "clone", "-q", repo.root, "cloned");
  await untilFound("cloned", "deep/er/still", "first");
  repo.git("worktree", "add", "-q", join(dir, "deep/linked"));
  await untilFound("cloned", "deep/er/still", "deep/linked", "first");
  renameSync(join(dir, "deep"), join(outside, "deep"));
  await untilFound("cloned", "first");
  git(join(outside, "deep/er"), "init", "-q", "another");
  renameSync(join(outside, "deep"), join(dir, "back"));
  await untilFound("back/er/another", "back/er/still", "back/linked", "cloned", "first");
  rmSync(join(dir, "first/.git"), { recursive: true });
  await untilFound("back/er/another", "back/er/still", "back/linked", "cloned");
  git(join(dir, "first"), "init", "-q", "inner");
  await untilFound("back/er/another", "back/er/still", "back/linked", "cloned", "first/inner");
  rmSync(join(dir, "back"), { recursive: true });
  await untilFound("cloned", "first/inner");
});

t.test("a `.git` that becomes a repository in steps", async (t) => {
  const { dir, untilFound } = await searching(t);
  const repo = createRepo(t, { a: "a\n" });
  mkdirSync(join(dir, "late/.git"), { recursive: true });
  mkdirSync(join(dir, "seen"));
  git(dir, "init", "-q", "beside");
  await untilFound("beside");
  renameSync(join(repo.root, ".git/objects"), join(dir, "late/.git/objects"));
  renameSync(join(repo.root, ".git/refs"), join(dir, "late/.git/refs"));
  writeFileSync(join(dir, "late/.git/HEAD"), "ref: refs/heads/main\n");
  await untilFound("beside", "late");
});

t.test("files, and what the search passes over, bring no search", async (t) => {
  const { dir, untilFound, told } = await searching(t);
  createRepo(t, { a: "a\n" }, join(dir, "repo"));
  await untilFound("repo");
  const before = told();
  for (let at = 0; at < 50; at++) writeFileSync(join(dir, `file${at}`), "");
  mkdirSync(join(dir, "node_modules/a/b"), { recursive: true });
  mkdirSync(join(dir, "repo/src"));
  mkdirSync(join(dir, "last")); // its event comes after all of the others
  await until("the last event", () => told() > before);
  t.equal(told(), before + 1);
});

t.test("so many directories are watched, and none when nobody asks", async (t) => {
  const { dir, search, look } = await searching(t, { maxWatched: 3 });
  for (let at = 0; at < 6; at++) mkdirSync(join(dir, String(at)));
  await look();
  t.equal(search.watched, 3);
  git(dir, "init", "-q", "5/new");
  t.same(await search.find(dir), [join(dir, "5/new")], "what is not watched is listed by each search");
  search.rest();
  t.equal(search.watched, 0);
});

t.test("directories and repositories come, go and move at random", async (t) => {
  const names = ["a", "b", "a/c", "a/c/d", "b/e", "b/node_modules"];
  const place = fc.constantFrom(...names);
  const step = fc.oneof(
    fc.record({ op: fc.constant("init" as const), at: place }),
    fc.record({ op: fc.constant("make" as const), at: place }),
    fc.record({ op: fc.constant("remove" as const), at: place }),
    fc.record({ op: fc.constant("end" as const), at: place }),
    fc.record({ op: fc.constant("move" as const), at: place, to: place }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 5 }), async (rounds) => {
      const { dir, search, untilFound } = await searching(t);
      for (const steps of rounds) {
        for (const each of steps) {
          const at = join(dir, each.at);
          if (each.op === "init") git(dir, "init", "-q", at);
          else if (each.op === "make") mkdirSync(at, { recursive: true });
          else if (each.op === "remove") rmSync(at, { recursive: true, force: true });
          else if (each.op === "end") rmSync(join(at, ".git"), { recursive: true, force: true });
          else {
            try {
              renameSync(at, join(dir, each.to));
            } catch {
              // not there, or into itself
            }
          }
        }
        await untilFound(...(await findRepositories(dir)).map((root) => relative(dir, root)));
      }
      search.rest();
    }),
    { numRuns: Number(process.env.ROUNDS ?? 15) },
  );
});

t.test("on a file system without events each search lists everything", async (t) => {
  const backing = tempDir(t);
  const mounted = tempDir(t);
  if (spawnSync("bindfs", ["--no-allow-other", backing, mounted]).status !== 0) {
    t.plan(0, "bindfs can't mount here");
    return;
  }
  t.teardown(() => execFileSync("umount", ["--lazy", mounted]));
  const { search, look, untilFound } = await searching(t, { dir: mounted });
  t.equal(search.watched, 0);
  git(backing, "init", "-q", "elsewhere");
  await look();
  await untilFound("elsewhere");
});
