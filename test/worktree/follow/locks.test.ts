import { appendFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { FakeClock } from "../../support/fake-clock.js";
import fc from "../../support/fast-check.js";
import { follow, textOf, untilRight } from "../../support/followed.js";
import { createRepo, expectedOf, type TestRepo } from "../../support/repo.js";
import { until } from "../../support/until.js";

const NAMES = ["a", "b", "c", "dir/d", "dir/e"];
const FILES = Object.fromEntries(NAMES.map((name) => [name, `${name}\n`]));

/** As git writes a file of the working tree: the name goes, and comes back as another file. */
function writeAsGit(repo: TestRepo, name: string, text: string): void {
  rmSync(join(repo.root, name), { force: true });
  writeFileSync(join(repo.root, name), text, { flag: "wx" });
}

function lock(repo: TestRepo, ageSeconds = 0): void {
  const path = join(repo.root, ".git/index.lock");
  writeFileSync(path, "");
  const seconds = Date.now() / 1000 - ageSeconds;
  utimesSync(path, seconds, seconds);
}

t.test("a lock that a crashed git left behind long ago delays nothing", async (t) => {
  const repo = createRepo(t, FILES);
  lock(repo, 3600);
  const clock = new FakeClock();
  const followed = await follow(t, repo, { clock });
  for (const step of [
    () => repo.write("a", "A\n"),
    () => repo.write("new", "n\n"),
    () => repo.remove("b"),
    () => repo.move("dir", "moved"),
  ]) {
    step();
    await untilRight(followed, repo, { clock, allowedMs: 100 });
  }
});

t.test("a lock that was left behind while the tree was followed delays nothing after its time", async (t) => {
  const repo = createRepo(t, FILES);
  const clock = new FakeClock();
  const followed = await follow(t, repo, { clock });
  lock(repo);
  appendFileSync(join(repo.root, "a"), "more\n");
  await untilRight(followed, repo, { clock, allowedMs: 100 });
  await clock.advance(2100);
  repo.write("new", "n\n");
  await untilRight(followed, repo, { clock, allowedMs: 100 });
});

t.test("while git is at work, what somebody else writes into a file is told, and nothing of git's", async (t) => {
  const step = fc.record({ name: fc.constantFrom(...NAMES), by: fc.constantFrom("git", "editor") });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), fc.boolean(), async (steps, tracked) => {
      const repo = createRepo(t, FILES);
      // a file that is shown already is known by another look than one that the index vouches for
      if (tracked) repo.write("c", "c\nshown\n");
      const clock = new FakeClock();
      const followed = await follow(t, repo, { clock });
      const before = followed.states.length;
      lock(repo);
      const byGit = new Set<string>();
      const edited = new Map<string, number>();
      for (const { name, by } of steps) {
        if (by === "git") {
          writeAsGit(repo, name, `git's ${name}\n`);
          byGit.add(name);
        } else {
          appendFileSync(join(repo.root, name), "an edit\n");
          if (!byGit.has(name)) edited.set(name, (edited.get(name) ?? 0) + 1);
        }
      }
      const toBeTold = [...edited.keys()].filter((name) => !byGit.has(name));
      const editsOf = (text: string, name: string): number => {
        const patch = text.split(/^(?=diff --git )/m).find((each) => each.startsWith(`diff --git a/${name} `)) ?? "";
        return patch.match(/^\+an edit$/gm)?.length ?? 0;
      };
      const text = (): string => textOf(followed.tracker.state) ?? "";
      let passedMs = 0;
      await until(
        "the edits",
        async () => {
          if (clock.waiting > 0 && passedMs < 1000) await clock.advance(1);
          passedMs += 1;
          return toBeTold.every((name) => editsOf(text(), name) === edited.get(name));
        },
        { deadlineMs: 20_000, seen: text },
      );
      for (const state of followed.states.slice(before)) t.notMatch(textOf(state), "git's");
      rmSync(join(repo.root, ".git/index.lock"));
      await untilRight(followed, repo, { clock, allowedMs: 3000 });
      t.equal(textOf(followed.tracker.state), expectedOf(repo.root).unified_diff.toString());
      followed.tracker.close();
    }),
    { numRuns: 10 },
  );
});

t.test("an ignore file that is edited while git is at work waits, for it would show what git has made", async (t) => {
  const repo = createRepo(t, { ...FILES, ".gitignore": "x\n" });
  const clock = new FakeClock();
  const followed = await follow(t, repo, { clock });
  lock(repo);
  appendFileSync(join(repo.root, ".gitignore"), "y\n");
  writeAsGit(repo, "z", "git's\n");
  appendFileSync(join(repo.root, "a"), "an edit\n");
  await until("the edit", async () => {
    if (clock.waiting > 0) await clock.advance(1);
    return textOf(followed.tracker.state)?.includes("+an edit");
  });
  t.notMatch(textOf(followed.tracker.state), /git's|gitignore/);
  rmSync(join(repo.root, ".git/index.lock"));
  await untilRight(followed, repo, { clock, allowedMs: 3000 });
});
