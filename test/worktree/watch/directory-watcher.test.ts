import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { DirectoryNode } from "../../../src/worktree/scan/directory-node.js";
import { DirectoryWatcher, type DirectoryWatcherOptions } from "../../../src/worktree/watch/directory-watcher.js";
import { EventQueue } from "../../../src/worktree/watch/event-queue.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";

interface Watched {
  root: string;
  watcher: DirectoryWatcher;
  /** Path → whether an event said that the name may stand for another file. */
  named: Map<string, boolean>;
  overflows: () => number;
}

function watched(t: Cleanup, options: Partial<DirectoryWatcherOptions> = {}): Watched {
  const root = tempDir(t);
  const named = new Map<string, boolean>();
  let overflows = 0;
  const watcher = new DirectoryWatcher({
    root,
    onPath: (path, replaced) => named.set(path, replaced || named.get(path) === true),
    onOverflow: () => overflows++,
    ...options,
  });
  return { root, watcher, named, overflows: () => overflows };
}

function cover(t: Cleanup, watcher: DirectoryWatcher, node: DirectoryNode): DirectoryNode {
  node.watches.push(...watcher.cover(node));
  t.teardown(() => {
    for (const watch of node.watches) watch.close();
  });
  return node;
}

/** Writes a file that nothing else names and waits for its event: all earlier ones have come by then. */
async function untilQuiet({ root, named }: Watched): Promise<void> {
  const sentinel = `sentinel ${named.size}`;
  writeFileSync(join(root, sentinel), "");
  await until("the sentinel's event", () => named.has(sentinel), { seen: () => [...named] });
  named.delete(sentinel);
}

/** A watch function that the test drives: `emit` calls the listener of the directory. */
function scriptedWatch(): {
  watch: NonNullable<DirectoryWatcherOptions["watch"]>;
  emit: (path: string, type: string, name: string | null) => void;
  closed: string[];
  refuse: { code: string | undefined };
} {
  const listeners = new Map<string, (type: string, name: string | null) => void>();
  const closed: string[] = [];
  const refuse: { code: string | undefined } = { code: undefined };
  return {
    watch: (path, _options, listener) => {
      if (refuse.code !== undefined) throw Object.assign(new Error(refuse.code), { code: refuse.code });
      listeners.set(String(path), listener);
      return { close: () => closed.push(String(path)), on: () => undefined as never };
    },
    emit: (path, type, name) => listeners.get(path)?.(type, name),
    closed,
    refuse,
  };
}

t.test("a created, a written and a deleted file are named by their directory", async (t) => {
  const watching = watched(t);
  const { root, watcher, named } = watching;
  writeFileSync(join(root, "written"), "1");
  cover(t, watcher, new DirectoryNode(undefined, "", 0));
  writeFileSync(join(root, "written"), "22");
  writeFileSync(join(root, "created"), "1");
  await untilQuiet(watching);
  t.strictSame([named.get("written"), named.get("created")], [false, true]);
});

t.test("a directory that appears is named, and its own watch names what comes later", async (t) => {
  const watching = watched(t);
  const { root, watcher, named } = watching;
  const top = cover(t, watcher, new DirectoryNode(undefined, "", 0));
  mkdirSync(join(root, "made"));
  await untilQuiet(watching);
  t.equal(named.get("made"), true);
  cover(t, watcher, new DirectoryNode(top, "made", 1));
  writeFileSync(join(root, "made/later"), "1");
  await until("its event", () => named.has("made/later"));
  t.equal(watcher.watches, 2);
});

t.test("a directory that moves is named by the one it leaves and by the one it comes to", async (t) => {
  const watching = watched(t);
  const { root, watcher, named } = watching;
  for (const path of ["from", "to", "from/moved"]) mkdirSync(join(root, path));
  const top = cover(t, watcher, new DirectoryNode(undefined, "", 0));
  cover(t, watcher, new DirectoryNode(top, "from", 1));
  cover(t, watcher, new DirectoryNode(top, "to", 2));
  renameSync(join(root, "from/moved"), join(root, "to/moved"));
  await until("both names", () => named.has("from/moved") && named.has("to/moved"));
  t.strictSame([named.get("from/moved"), named.get("to/moved")], [true, true]);
});

t.test("a name that is not UTF-8 is a byte path", async (t) => {
  const { root, watcher, named } = watched(t);
  cover(t, watcher, new DirectoryNode(undefined, "", 0));
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from("caf\xe9", "latin1")]), "1");
  await until("its event", () => named.has("caf\xe9"), { seen: () => [...named] });
  t.pass("named by its bytes");
});

t.test("an event without a name puts the whole directory in question", async (t) => {
  const { watch, emit } = scriptedWatch();
  const { root, watcher, named } = watched(t, { watch });
  watcher.cover(new DirectoryNode(new DirectoryNode(undefined, "", 0), "dir", 1));
  emit(`${root}/dir`, "change", null);
  t.strictSame([...named], [["dir", true]]);
});

t.test("of a nested repository's .git only what makes it one is named", async (t) => {
  const { watch, emit } = scriptedWatch();
  const { root, watcher, named } = watched(t, { watch });
  mkdirSync(join(root, "nested/.git"), { recursive: true });
  watcher.coverGitDirectory(new DirectoryNode(new DirectoryNode(undefined, "", 0), "nested", 1));
  for (const name of ["index.lock", "COMMIT_EDITMSG"]) emit(`${root}/nested/.git`, "rename", name);
  t.strictSame([...named], []);
  emit(`${root}/nested/.git`, "rename", "HEAD");
  t.strictSame([...named], [["nested/.git", true]]);
});

t.test("a quarter of the kernel's queue in one turn counts as an overflow, less does not", async (t) => {
  const { watch, emit } = scriptedWatch();
  const { root, watcher, overflows } = watched(t, { watch, queue: new EventQueue({ queueEvents: 40 }) });
  watcher.cover(new DirectoryNode(undefined, "", 0));
  const turn = async (events: number): Promise<void> => {
    for (let at = 0; at < events; at++) emit(root, "change", "f");
    await new Promise((resolve) => setImmediate(resolve));
  };
  for (let turns = 0; turns < 5; turns++) await turn(9);
  t.equal(overflows(), 0);
  await turn(10);
  t.equal(overflows(), 1);
  await turn(1);
  t.equal(overflows(), 1, "the count begins anew");
});

t.test("a directory that a limit keeps from being watched is counted, one that is gone is not", async (t) => {
  const { watch, refuse } = scriptedWatch();
  const { watcher } = watched(t, { watch });
  const node = new DirectoryNode(undefined, "", 0);
  refuse.code = "ENOENT";
  t.strictSame(watcher.cover(node), []);
  t.strictSame(watcher.missing, { count: 0, code: "" });
  refuse.code = "ENOSPC";
  t.strictSame(watcher.cover(node), []);
  t.strictSame(watcher.cover(node), []);
  t.strictSame(watcher.missing, { count: 2, code: "ENOSPC" });
  t.equal(watcher.watches, 0);
});

t.test("a watch that is closed twice is closed once", async (t) => {
  const { watch, closed } = scriptedWatch();
  const { root, watcher } = watched(t, { watch });
  const [one] = watcher.cover(new DirectoryNode(undefined, "", 0));
  t.equal(watcher.watches, 1);
  one?.close();
  one?.close();
  t.strictSame([watcher.watches, closed], [0, [root]]);
});
