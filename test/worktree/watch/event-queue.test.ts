import { appendFileSync, mkdirSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { DirectoryNode } from "../../../src/worktree/scan/directory-node.js";
import { DirectoryWatcher } from "../../../src/worktree/watch/directory-watcher.js";
import { EventQueue, queueLimit, threadQueue } from "../../../src/worktree/watch/event-queue.js";
import { NameWatches } from "../../../src/worktree/watch/name-watches.js";
import { QueueMarker } from "../../../src/worktree/watch/queue-marker.js";
import { Random, SEED } from "../../support/random.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

/** Watches so many directories of a new tree by a watcher of its own. */
function watchedTree(t: Cleanup, directories: number, options: { queue?: EventQueue } = {}) {
  const root = tempDir(t);
  const named = new Set<string>();
  let overflows = 0;
  const watcher = new DirectoryWatcher({
    root,
    onPath: (path) => named.add(path),
    onOverflow: () => overflows++,
    ...options,
  });
  const top = new DirectoryNode(undefined, "", 0);
  for (let at = 0; at < directories; at++) {
    mkdirSync(join(root, `d${at}`));
    const watches = watcher.cover(new DirectoryNode(top, `d${at}`, 1));
    t.teardown(() => {
      for (const watch of watches) watch.close();
    });
  }
  return { root, named, watcher, overflows: () => overflows };
}

t.test("when the queue is drained, the event of every write before has been delivered", async (t) => {
  const random = new Random(SEED);
  const trees = Array.from({ length: 3 }, () => watchedTree(t, 8));
  let writes = 0;
  let early = 0;
  for (let burst = 0; burst < 300; burst++) {
    const written: [Set<string>, string][] = [];
    for (let at = random.below(30) + 1; at > 0; at--) {
      const { root, named } = random.pick(trees);
      const path = `d${random.below(8)}/f${random.below(20)}`;
      const file = join(root, path);
      const other = `d${random.below(8)}/g${random.below(20)}`;
      if (random.chance(0.2)) rmSync(file, { force: true });
      appendFileSync(file, "x");
      written.push([named, path]);
      if (!random.chance(0.3)) continue;
      renameSync(file, join(root, other));
      written.push([named, other]);
    }
    early += written.filter(([named, path]) => named.has(path)).length;
    if (random.chance(0.3)) await new Promise((resolve) => setImmediate(resolve));
    t.ok(await threadQueue.drained());
    const missing = written.filter(([named, path]) => !named.has(path));
    if (missing.length > 0) t.fail(`not delivered: ${missing.map(([, path]) => path).join(", ")}`);
    for (const { named } of trees) named.clear();
    writes += written.length;
  }
  t.ok(writes > 4000);
  t.equal(early, 0, "the burst itself delivers nothing");
});

t.test("a call that comes while another one waits has a mark of its own", async (t) => {
  const { root, named } = watchedTree(t, 1);
  const before = threadQueue.drained();
  writeFileSync(join(root, "d0/f"), "x");
  await threadQueue.drained();
  t.ok(named.has("d0/f"));
  t.ok(await before);
});

t.test("nothing has a name", async (t) => {
  t.ok(await threadQueue.drained());
  for (const place of ["/dev/shm", tmpdir()]) {
    t.strictSame(
      readdirSync(place).filter((name) => name.startsWith(".treewire-")),
      [],
    );
  }
});

t.test("nothing is proven where the end can't be marked", async (t) => {
  const queue = new EventQueue({ openMarker: () => undefined });
  t.notOk(await queue.drained());
});

t.test("a mark that is lost proves nothing, and the next one is another", async (t) => {
  let opened = 0;
  const openMarker = (): QueueMarker | undefined => {
    const marker = QueueMarker.open();
    opened += 1;
    if (opened === 1 && marker !== undefined) marker.pass = async () => false;
    return marker;
  };
  const queue = new EventQueue({ openMarker });
  t.notOk(await queue.drained());
  t.ok(await queue.drained());
  t.ok(await queue.drained());
  t.equal(opened, 2);
});

t.test("a thread that was busy for longer than a mark is waited for still sees it", async (t) => {
  const queue = new EventQueue({ limitMs: 1 });
  const drained = queue.drained();
  for (const until = performance.now() + 20; performance.now() < until; );
  t.ok(await drained);
});

t.test("a queue that ran over is not proven to be drained, and everybody is told", async (t) => {
  const queue = new EventQueue({ limitMs: 20 });
  const tree = watchedTree(t, 2, { queue });
  const other = watchedTree(t, 1, { queue });
  const files = [0, 1].map((at) => join(tree.root, `d${at}/f`));
  for (const file of files) writeFileSync(file, "x");
  for (let at = 0; at <= queueLimit(); at++) utimesSync(files[at % 2] ?? "", at, at);
  t.notOk(await queue.drained());
  t.strictSame([tree.overflows() > 0, other.overflows() > 0], [true, true]);
  const overflows = other.overflows();
  t.ok(await queue.drained());
  t.equal(other.overflows(), overflows);
});

t.test("events of all that is watched in a thread count together", async (t) => {
  const queue = new EventQueue({ queueEvents: 40 });
  const trees = [watchedTree(t, 1, { queue }), watchedTree(t, 1, { queue })];
  const names = new NameWatches({ queue });
  const outside = tempDir(t);
  let told = 0;
  const onName = (): void => {};
  const watch = names.add({ directory: outside, identity: "it", name: "a", onName, onOverflow: () => told++ });
  const write = async (files: number): Promise<void> => {
    for (let at = 0; at < files; at++) for (const { root } of trees) mkdirSync(join(root, `d0/${Math.random()}`));
    for (let at = 0; at < files; at++) mkdirSync(join(outside, `${Math.random()}`));
    await queue.drained();
  };
  await write(3);
  t.strictSame([told, ...trees.map(({ overflows }) => overflows())], [0, 0, 0]);
  await write(4);
  t.strictSame([told, ...trees.map(({ overflows }) => overflows())], [1, 1, 1]);
  trees[0]?.watcher.close();
  if (typeof watch === "object") watch.close();
  await write(6);
  t.strictSame([told, ...trees.map(({ overflows }) => overflows())], [1, 1, 2], "whoever has left is told no more");
});
