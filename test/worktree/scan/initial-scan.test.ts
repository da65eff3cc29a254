import { linkSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { type IndexFile, openRepository } from "../../../src/git/index.js";
import { CheckState, type SecondThread, type SharedProgress } from "../../../src/worktree/scan/check-thread.js";
import { DirectoryNode } from "../../../src/worktree/scan/directory-node.js";
import { IndexTree } from "../../../src/worktree/scan/index-tree.js";
import { InitialScan } from "../../../src/worktree/scan/initial-scan.js";
import { DENIED, lookAt } from "../../../src/worktree/scan/lstat.js";
import { createRepo, type TestRepo } from "../../support/repo.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

const DIRECTORIES = ["", "a", "b", "c", "d"];

/** A second thread whose every move the test makes. */
class ScriptedThread implements SecondThread {
  ended = false;
  #progress: SharedProgress | undefined;

  assign(_table: unknown, progress: SharedProgress): void {
    this.#progress = progress;
  }

  get progress(): SharedProgress {
    if (this.#progress === undefined) throw new Error("nothing was assigned");
    return this.#progress;
  }

  /** How many directories it may check. */
  get covered(): number {
    return Atomics.load(this.progress.covered, 0);
  }

  /** @returns whether the directory was still to be had */
  claim(at: number): boolean {
    const { states } = this.progress;
    return Atomics.compareExchange(states, at, CheckState.pending, CheckState.claimed) === CheckState.pending;
  }

  finish(at: number, state: number): void {
    Atomics.store(this.progress.states, at, state);
    Atomics.notify(this.progress.states, at);
  }
}

interface Scanned {
  scan: InitialScan;
  root: DirectoryNode;
  covered: string[];
  listed: string[];
  /** Unchanged files of more than one name. */
  linked: string[];
}

/** Begins an initial scan of a clean tree whose directories are {@link DIRECTORIES}. */
async function begin(t: Cleanup, secondThread?: SecondThread, change?: (repo: TestRepo) => void): Promise<Scanned> {
  const repo = createRepo(
    t,
    Object.fromEntries(DIRECTORIES.map((path) => [`${path === "" ? "" : `${path}/`}f`, path])),
  );
  repo.git("update-index", "--refresh");
  makeOld(repo);
  change?.(repo);
  const index: IndexFile = (await openRepository(repo.root)).index();
  const root = new DirectoryNode(undefined, "", 0);
  const covered: string[] = [];
  const listed: string[] = [];
  const linked: string[] = [];
  const host = {
    cover: ({ path }: DirectoryNode) => covered.push(path),
    list: ({ path }: DirectoryNode) => listed.push(path),
    link: (_node: DirectoryNode, position: number) => linked.push(index.path(position)),
    look: (path: string) => {
      const stats = lookAt(`${repo.root}/${path}`);
      return stats === DENIED ? undefined : stats;
    },
  };
  const options = { root: repo.root, index, indexTree: new IndexTree(index), secondThread };
  return { scan: new InitialScan(host, root, options), root, covered, listed, linked };
}

/** Gives the files a time before the index's, so that their entries prove them unchanged. */
function makeOld(repo: TestRepo, seconds = 1_700_000_000): void {
  for (const path of repo.git("ls-files").split("\n")) repo.touch(path, seconds);
  repo.git("update-index", "-q", "--refresh");
}

/** Runs steps of no time. @returns whether the scan is done */
function step(scan: InitialScan, steps: number): boolean {
  for (let at = 0; at < steps; at++) if (scan.step(Number.NEGATIVE_INFINITY)) return true;
  return false;
}

/** Long enough for every scan here; one that waits for what never comes fails instead of hanging. */
const inTenSeconds = (): number => performance.now() + 10_000;

const listedNodes = (root: DirectoryNode): string[] =>
  [...root.subtree()].filter(({ listed }) => listed).map(({ path }) => path);

t.test("alone it covers every directory before it checks any, and lists none that is unchanged", async (t) => {
  const { scan, root, covered, listed } = await begin(t);
  t.notOk(step(scan, DIRECTORIES.length));
  t.strictSame(covered, DIRECTORIES);
  t.strictSame(listedNodes(root), []);
  t.ok(scan.step(inTenSeconds()));
  t.strictSame(listed, []);
  t.strictSame(listedNodes(root).sort(), DIRECTORIES);
});

t.test("a directory that differs is listed, and so is one that lacks another", async (t) => {
  const { scan, listed, covered } = await begin(t, undefined, (repo) => {
    repo.write("a/untracked", "1");
    repo.write("b/f", "another size");
    repo.remove("c");
    repo.write("in place of c", "so that the number of names is as it was");
  });
  t.ok(scan.step(inTenSeconds()));
  t.strictSame(covered, ["", "a", "b", "d"]);
  t.strictSame(listed, ["", "a", "b"]);
});

t.test("the second thread may check what is covered, and what it has checked is not checked again", async (t) => {
  const thread = new ScriptedThread();
  const { scan, listed } = await begin(t, thread);
  step(scan, DIRECTORIES.length - 1);
  t.equal(thread.covered, 0, "a few at a time");
  step(scan, 1);
  t.equal(thread.covered, DIRECTORIES.length);
  for (const at of DIRECTORIES.keys()) {
    t.ok(thread.claim(at));
    thread.finish(at, at === 2 ? CheckState.changed : CheckState.unchanged);
  }
  t.ok(scan.step(inTenSeconds()));
  t.strictSame(listed, ["b"], "although nothing differs");
});

t.test("a directory that the second thread has claimed is waited for, without an end of the turns", async (t) => {
  const thread = new ScriptedThread();
  const { scan, root, listed } = await begin(t, thread);
  step(scan, DIRECTORIES.length);
  t.ok(thread.claim(1));
  t.notOk(step(scan, 50), "the thread is at it");
  t.strictSame(
    [4, 3, 2].filter((at) => thread.claim(at)),
    [],
    "the others behind it were checked meanwhile",
  );
  thread.finish(1, CheckState.changed);
  t.ok(scan.step(inTenSeconds()), "it finishes late");
  t.strictSame(listed, ["a"]);
  t.strictSame(listedNodes(root).sort(), ["", "b", "c", "d"]);
});

t.test("what a thread had claimed when it died is checked all the same", async (t) => {
  const thread = new ScriptedThread();
  const { scan, root, listed } = await begin(t, thread, (repo) => repo.write("a/untracked", "1"));
  step(scan, DIRECTORIES.length);
  for (const at of [0, 1, 2]) t.ok(thread.claim(at));
  thread.finish(0, CheckState.unchanged);
  t.notOk(step(scan, 50));
  thread.ended = true;
  t.ok(scan.step(inTenSeconds()));
  t.strictSame(listed, ["a"]);
  t.strictSame(listedNodes(root).sort(), ["", "b", "c", "d"]);
});

t.test("what was covered when a scan is abandoned is known, parents first", async (t) => {
  const { scan } = await begin(t);
  step(scan, 3);
  t.strictSame(
    Array.from(scan.nodes(), ({ path }) => path),
    ["", "a", "b"],
  );
});

t.test("files of more than one name are handed on from directories that are unchanged", async (t) => {
  const outside = tempDir(t);
  const { scan, listed, linked } = await begin(t, undefined, (repo) => {
    linkSync(join(repo.root, "a/f"), join(outside, "f"));
    makeOld(repo, 1_700_000_001); // git takes note of another second only
  });
  t.ok(scan.step(inTenSeconds()));
  t.strictSame([listed, linked], [[], ["a/f"]]);
});
