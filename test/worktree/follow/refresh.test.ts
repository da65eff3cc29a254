import { appendFileSync, linkSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { LOOK_BEHIND_MS, LOOKS_BEHIND_EVERY_MS, Refresher } from "../../../src/worktree/follow/refresh.js";
import { EventQueue } from "../../../src/worktree/watch/event-queue.js";
import { FileWatchBudget } from "../../../src/worktree/watch/file-watch-budget.js";
import { NameWatches } from "../../../src/worktree/watch/name-watches.js";
import { FakeClock } from "../../support/fake-clock.js";
import { type Followed, follow, textOf } from "../../support/followed.js";
import { createRepo, expectedOf, type TestRepo } from "../../support/repo.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";
import { TESTED_WATCHER } from "../../support/watchers.js";

const skip = TESTED_WATCHER !== "inotify" && "its events prove nothing";

const rightText = (repo: TestRepo): string => expectedOf(repo.root).unified_diff.toString();

/** Gives a file of the tree a name outside, and returns what writes by it: that raises no event in the tree. */
function unseenWriter(t: Cleanup, repo: TestRepo, path: string): (text: string) => void {
  const outside = join(tempDir(t), "outside");
  linkSync(join(repo.root, path), outside);
  return (text) => appendFileSync(outside, text);
}

async function answer(followed: Followed): Promise<string | undefined> {
  return textOf(await followed.tracker.refresh());
}

t.test("a refresh answers by events, of files and of git alike", { skip }, async (t) => {
  const repo = createRepo(t, { a: "a\n", b: "b\n", "dir/c": "c\n" });
  const followed = await follow(t, repo);
  const steps: (() => void)[] = [
    () => repo.write("a", "1\n"),
    () => repo.write("new/deep/er/f", "1\n"),
    () => repo.git("add", "-A"),
    () => repo.git("rm", "-q", "--cached", "b"),
    () => repo.git("mv", "dir", "moved"),
    () => repo.git("commit", "-qm", "two"),
    () => repo.write(".gitignore", "f\n"),
    () => repo.git("config", "core.fileMode", "false"),
    () => repo.git("checkout", "-qf", "-b", "other", "HEAD~1"),
    () => repo.git("reset", "-q", "HEAD~0"),
    () => repo.git("stash", "-qu"),
  ];
  for (const step of steps) {
    step();
    t.equal(await answer(followed), rightText(repo));
  }
});

t.test("what raised no event is looked for behind the answer, at most once in 5 s", { skip }, async (t) => {
  const repo = createRepo(t, { a: "a\n", b: "b\n" });
  for (const path of ["a", "b"]) repo.touch(path, 1_700_000_000); // young files are looked at again by themselves
  repo.git("add", "-A");
  const clock = new FakeClock();
  const followed = await follow(t, repo, { clock, sweep: true });
  const write = unseenWriter(t, repo, "a");
  write("1\n");
  t.equal(await answer(followed), "", "the answer does not look at all files");
  await clock.advance(LOOK_BEHIND_MS - 1);
  t.equal(textOf(followed.tracker.state), "");
  await clock.advance(1);
  const right = rightText(repo);
  await until("the look behind the answer", () => textOf(followed.tracker.state) === right);
  // it has two names now, and so a watch of its own; the other file has not
  const writeB = unseenWriter(t, repo, "b");
  writeB("1\n");
  const before = await answer(followed);
  await answer(followed);
  const rightInTheEnd = rightText(repo);
  t.not(before, rightInTheEnd);
  await clock.advance(LOOKS_BEHIND_EVERY_MS - 1);
  t.equal(textOf(followed.tracker.state), before);
  await clock.advance(1);
  await until("the second look", () => textOf(followed.tracker.state) === rightInTheEnd);
});

t.test("a refresh looks before it answers where events prove nothing", { skip }, async (t) => {
  const unproven = new NameWatches({ queue: new EventQueue({ openMarker: () => undefined }) });
  for (const options of [{ names: unproven }, { fileWatches: new FileWatchBudget(1) }]) {
    const repo = createRepo(t, { a: "a\n", l1: "1\n", l2: "2\n" });
    for (const name of ["l1", "l2"]) unseenWriter(t, repo, name);
    const followed = await follow(t, repo, options);
    unseenWriter(t, repo, "a")("1\n");
    t.equal(await answer(followed), rightText(repo));
    followed.tracker.close();
  }
});

t.test("a limit that the pass itself comes upon has everything looked at before the answer", { skip }, async (t) => {
  const repo = createRepo(t, { a: "a\n", b: "b\n", l1: "1\n" });
  const followed = await follow(t, repo, { fileWatches: new FileWatchBudget(0) });
  unseenWriter(t, repo, "a")("1\n");
  t.equal(followed.tracker.state?.health, "");
  unseenWriter(t, repo, "l1");
  repo.write("l1", "3\n"); // found to have two names
  t.equal(await answer(followed), rightText(repo));
  t.match(followed.tracker.state?.health, /too many files with several names/);
});

t.test("a tree that comes back is in the answer, and so is one that goes", { skip }, async (t) => {
  const repo = createRepo(t, { a: "a\n" });
  const followed = await follow(t, repo);
  repo.write("a", "1\n");
  repo.move(".git", ".away");
  t.equal(await answer(followed), undefined);
  repo.move(".away", ".git");
  t.equal(await answer(followed), rightText(repo));
});

function scriptedRefresher(changes: number): { refresher: Refresher; did: string[] } {
  const did: string[] = [];
  let left = changes;
  const refresher = new Refresher({
    clock: new FakeClock(),
    drained: async () => did.push("drained") > 0,
    isCovered: () => true,
    diff: () => ({
      notReady: [],
      changedWhileRead: new Set(left > 0 ? ["a"] : []),
      readsSettled: async () => {},
    }),
    submodules: async (how) => {
      did.push(`submodules: ${how}`);
    },
    pass: async () => {
      did.push("pass");
      left -= 1;
    },
    doubtEverything: () => did.push("everything"),
    hold: () => 0,
  });
  return { refresher, did };
}

t.test("a file that was written while it was read is read again, one that never rests is given up", async (t) => {
  const steady = scriptedRefresher(3);
  await steady.refresher.catchUp("events");
  t.strictSame(steady.did, ["drained", "submodules: delivered", "pass", "pass", "pass"]);
  const restless = scriptedRefresher(Number.POSITIVE_INFINITY);
  await restless.refresher.catchUp("delivered");
  t.equal(restless.did.filter((each) => each === "pass").length, 21);
  t.notOk(restless.did.includes("drained"));
});

t.test("a look has submodules look as well, and asks for no events", async (t) => {
  const { refresher, did } = scriptedRefresher(0);
  await refresher.catchUp("look");
  t.strictSame(did, ["everything", "submodules: look", "pass"]);
});
