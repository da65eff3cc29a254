import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Event, Options, SubscribeCallback } from "@parcel/watcher";
import t from "tap";
import { DirectoryNode } from "../../../src/worktree/scan/directory-node.js";
import { ParcelWatcher, type ParcelWatcherOptions } from "../../../src/worktree/watch/parcel-watcher.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";

/** A library that the test drives. */
class ScriptedLibrary {
  readonly calls: string[] = [];
  options: Options | undefined;
  refusal: Error | undefined;
  unsubscribeFails = false;
  #listener: SubscribeCallback | undefined;

  async subscribe(_root: string, listener: SubscribeCallback, options: Options) {
    this.calls.push("subscribe");
    if (this.refusal !== undefined) throw this.refusal;
    this.options = options;
    this.#listener = listener;
    return {
      unsubscribe: async () => {
        this.calls.push("unsubscribe");
        if (this.unsubscribeFails) throw new Error("Unable to remove watcher: Invalid argument");
      },
    };
  }

  emit(...events: Event[]): void {
    this.#listener?.(null, events);
  }

  fail(message: string): void {
    this.#listener?.(new Error(message), []);
  }
}

interface Watched {
  root: string;
  library: ScriptedLibrary;
  watcher: ParcelWatcher;
  /** Path → whether an event said that the name may stand for another file. */
  named: Map<string, boolean>;
  lost: string[];
  cover: (parent: DirectoryNode | undefined, name: string, inode?: number) => DirectoryNode;
}

function watched(t: Cleanup, options: Partial<ParcelWatcherOptions> = {}): Watched {
  const root = tempDir(t);
  const library = new ScriptedLibrary();
  const named = new Map<string, boolean>();
  const lost: string[] = [];
  const watcher = new ParcelWatcher({
    root,
    platform: "linux",
    load: async () => library,
    onPath: (path, replaced) => named.set(path, replaced),
    onOverflow: () => lost.push("relist"),
    onLost: () => lost.push("sweep"),
    ...options,
  });
  const cover = (parent: DirectoryNode | undefined, name: string, inode = 0): DirectoryNode => {
    const node = new DirectoryNode(parent, name, inode);
    mkdirSync(join(root, node.path), { recursive: true });
    node.watches.push(...watcher.cover(node));
    t.teardown(() => {
      for (const watch of node.watches) watch.close();
    });
    return node;
  };
  t.teardown(() => watcher.close());
  return { root, library, watcher, named, lost, cover };
}

/** A watcher whose subscription of the root and of `dir` is live. */
async function live(t: Cleanup, options: Partial<ParcelWatcherOptions> = {}) {
  const watching = watched(t, options);
  const top = watching.cover(undefined, "");
  const dir = watching.cover(top, "dir", 7);
  watching.watcher.passed();
  await until("a live subscription", () => watching.lost.splice(0).length > 0);
  return { ...watching, top, dir, at: (path: string) => join(watching.root, path) };
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

t.test("the subscription begins after the first listing, without what is ignored, and a look follows", async (t) => {
  const { root, library, watcher, lost, cover } = watched(t);
  const top = cover(undefined, "");
  cover(top, "dir", 7);
  for (const path of [".git", "node_modules/x", "dir/out", "dir/[slug]"]) {
    mkdirSync(join(root, path), { recursive: true });
  }
  await turn();
  t.strictSame(library.calls, []);
  watcher.passed();
  watcher.passed();
  await until("the look", () => lost.length > 0);
  t.strictSame([library.calls, lost], [["subscribe"], ["sweep"]]);
  t.equal(library.options?.backend, "inotify", "never Watchman, which writes into the tree");
  t.strictSame(
    library.options?.ignore?.toSorted(),
    [".git", "dir/out", "node_modules"],
    "no name is taken for a pattern",
  );
});

t.test("events name what is covered, and nothing that is ignored or not of the tree", async (t) => {
  const { library, named, at, root } = await live(t);
  library.emit(
    { path: at("made"), type: "create" },
    { path: at("dir/gone"), type: "delete" },
    { path: at("dir/written"), type: "update" },
    { path: at("ignored/deep/x"), type: "create" },
    { path: at(".git/index"), type: "update" },
    { path: root, type: "delete" },
    { path: `${root}-other/x`, type: "create" },
  );
  t.strictSame(
    [...named],
    [
      ["made", true],
      ["dir/gone", true],
      ["dir/written", false],
    ],
  );
});

t.test("a name that is no text puts its directory in question", async (t) => {
  const { library, named, at } = await live(t);
  library.emit({ path: at("dir/caf\uFFFD"), type: "update" });
  t.strictSame([...named], [["dir", true]]);
});

t.test("on Linux a directory that appears, or was renamed, has a watch of its own", async (t) => {
  const { root, library, watcher, named, at, top, cover } = await live(t);
  t.equal(watcher.watches, 0);
  cover(top, "made", 8);
  t.equal(watcher.watches, 1);
  writeFileSync(join(root, "made/later"), "1");
  await until("its own event", () => named.has("made/later"));
  cover(top, "dir", 7);
  t.equal(watcher.watches, 1, "the crawl has found this one");
  library.emit({ path: at("dir"), type: "update" });
  const dir = cover(top, "dir", 7);
  cover(dir, "sub", 9);
  t.equal(watcher.watches, 3, "its watches may have stayed with a directory that was there");
});

t.test("where the platform has a stream of its own, no directory has", async (t) => {
  const { watcher, top, cover, library } = await live(t, { platform: "darwin" });
  cover(top, "made", 8);
  t.strictSame([watcher.watches, library.options?.backend, watcher.delivery], [0, "fs-events", "late"]);
});

t.test("events that were dropped cost one look", async (t) => {
  const mac = await live(t, { platform: "darwin" });
  mac.library.fail("Events were dropped by the FSEvents client. File system must be re-scanned.");
  t.strictSame(mac.lost, ["sweep"]);
  const linux = await live(t, { overflowEvents: 3 });
  const event = { path: linux.at("dir/a"), type: "update" } as const;
  linux.library.emit(event, event);
  t.strictSame(linux.lost, []);
  linux.library.emit(event, event, event);
  t.strictSame(linux.lost, ["relist"]);
  linux.cover(undefined, "");
  t.equal(linux.watcher.watches, 1, "the crawl counts for nothing any more");
});

t.test("a limit is told once, and the library is not asked again", async (t) => {
  const { library, watcher, lost, cover } = watched(t);
  library.refusal = new Error("inotify_add_watch on '/x' failed: No space left on device");
  cover(undefined, "");
  watcher.passed();
  await until("it is told", () => lost.length > 0);
  for (let passes = 0; passes < 2; passes++) {
    watcher.passed();
    await turn();
  }
  t.strictSame([library.calls, lost, watcher.missing], [["subscribe"], ["sweep"], { count: 1, code: "ENOSPC" }]);
});

t.test("a binary that is missing is told", async (t) => {
  const { watcher, lost, cover } = watched(t, { load: () => Promise.reject(new Error("No prebuild found")) });
  cover(undefined, "");
  watcher.passed();
  await until("the end", () => lost.length > 0);
  t.strictSame(watcher.missing, { count: 1, code: "No prebuild found" });
});

t.test("another root is subscribed when the one before has ended, and never within a callback", async (t) => {
  const { library, watcher, lost, at } = await live(t, {
    onPath: () => {
      watcher.restart();
      t.strictSame(library.calls, ["subscribe"]);
    },
  });
  library.emit({ path: at("dir/a"), type: "update" });
  watcher.passed();
  await until("the look", () => lost.length > 0);
  t.strictSame([library.calls, lost], [["subscribe", "unsubscribe", "subscribe"], ["sweep"]]);
});

t.test("a root that the library could not let go of is watched without it", async (t) => {
  const { library, watcher, lost, top, cover } = await live(t);
  library.unsubscribeFails = true;
  watcher.restart();
  watcher.passed();
  await until("the look", () => lost.length > 0);
  t.strictSame([library.calls, lost], [["subscribe", "unsubscribe"], ["relist"]]);
  cover(top, "dir", 7);
  t.equal(watcher.watches, 1);
});

t.test("nothing comes of a watcher that was closed", async (t) => {
  const { library, watcher, named, at } = await live(t);
  watcher.close();
  await until("its end", () => library.calls.includes("unsubscribe"));
  library.emit({ path: at("dir/a"), type: "update" });
  const early = watched(t);
  early.cover(undefined, "");
  early.watcher.passed();
  early.watcher.close();
  await turn();
  t.strictSame([[...named], early.library.calls, early.lost], [[], [], []]);
});
