import { statSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { openRepository } from "../../../src/git/index.js";
import {
  CheckState,
  CheckThread,
  makeSharedProgress,
  type SharedProgress,
} from "../../../src/worktree/scan/check-thread.js";
import { UNCHANGED } from "../../../src/worktree/scan/directory-check.js";
import { IndexTree } from "../../../src/worktree/scan/index-tree.js";
import { KnownListings } from "../../../src/worktree/scan/known-listings.js";
import { createRepo, type TestRepo } from "../../support/repo.js";
import type { Cleanup } from "../../support/temp.js";
import { until } from "../../support/until.js";

/** Claims the first directory and dies. */
const DYING = `
import { parentPort } from "node:worker_threads";
parentPort.on("message", ({ progress }) => {
  Atomics.store(progress.states, 0, ${CheckState.claimed});
  throw new Error("dies amid its work");
});`;

function unchangedRepo(t: Cleanup): TestRepo {
  const repo = createRepo(t, { f: "f", "a/f": "f", "a/deep/f": "f", "b/f": "f" });
  for (const path of ["f", "a/f", "a/deep/f", "b/f"]) repo.touch(path, 1_700_000_000);
  repo.git("update-index", "-q", "--refresh");
  return repo;
}

async function assign(thread: CheckThread, { root }: TestRepo): Promise<SharedProgress> {
  const index = (await openRepository(root)).index();
  const { directories } = new IndexTree(index);
  const progress = makeSharedProgress(directories.length, index.count);
  thread.assign(index.share(), progress, directories);
  return progress;
}

function cover({ covered }: SharedProgress, count: number): void {
  Atomics.store(covered, 0, count);
  Atomics.notify(covered, 0);
}

t.test("the thread checks the directories that are covered, no others", async (t) => {
  const repo = unchangedRepo(t);
  repo.write("a/untracked", "1");
  const thread = new CheckThread(repo.root);
  t.teardown(() => thread.close());
  const progress = await assign(thread, repo);
  const { states } = progress;
  cover(progress, 2);
  await until("two checks", () => Atomics.load(states, 1) > CheckState.claimed);
  t.strictSame([...states], [CheckState.unchanged, CheckState.changed, CheckState.pending, CheckState.pending]);
  cover(progress, 4);
  await until("the others", () => Atomics.load(states, 3) > CheckState.claimed);
  t.strictSame([...states].slice(2), [CheckState.unchanged, CheckState.unchanged]);
  t.strictSame([...progress.unchangedEntries], [UNCHANGED, UNCHANGED, UNCHANGED, UNCHANGED]);
});

t.test("the thread does not list a directory of which it is told how many names it has", async (t) => {
  const repo = unchangedRepo(t);
  const thread = new CheckThread(repo.root);
  t.teardown(() => thread.close());
  const index = (await openRepository(repo.root)).index();
  const { directories } = new IndexTree(index);
  const listings = KnownListings.empty(directories.length, 0);
  const { ino, mtimeMs, ctimeMs } = statSync(join(repo.root, directories[1]?.path ?? ""));
  listings.table.set([ino, mtimeMs, ctimeMs, 99], 4);
  listings.table.set([ino, mtimeMs, ctimeMs, 99], 8); // which is not the second one's
  const progress = makeSharedProgress(directories.length, index.count, listings);
  thread.assign(index.share(), progress, directories);
  cover(progress, 4);
  await until("the last check", () => Atomics.load(progress.states, 3) > CheckState.claimed);
  const { unchanged, changed } = CheckState;
  t.strictSame([...progress.states], [unchanged, changed, unchanged, unchanged]);
});

t.test("the thread leaves alone what was claimed before it", async (t) => {
  const repo = unchangedRepo(t);
  const thread = new CheckThread(repo.root);
  t.teardown(() => thread.close());
  const progress = await assign(thread, repo);
  Atomics.store(progress.states, 0, CheckState.claimed);
  cover(progress, 4);
  await until("the last check", () => Atomics.load(progress.states, 3) > CheckState.claimed);
  t.equal(progress.states[0], CheckState.claimed);
});

t.test("a thread that dies says so, and its claim stays", async (t) => {
  const repo = unchangedRepo(t);
  const thread = new CheckThread(repo.root, new URL(`data:text/javascript,${encodeURIComponent(DYING)}`));
  t.equal(thread.ended, false);
  const progress = await assign(thread, repo);
  await until("its end", () => thread.ended);
  t.strictSame([...progress.states], [CheckState.claimed, CheckState.pending, CheckState.pending, CheckState.pending]);
});

t.test("no thread is started for a small index", async (t) => {
  t.equal(CheckThread.start("/", 1024), undefined);
});
