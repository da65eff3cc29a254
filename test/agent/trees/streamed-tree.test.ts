import t from "tap";
import { StreamedTree } from "../../../src/agent/trees/streamed-tree.js";
import type { Trouble } from "../../../src/agent/trees/trouble.js";
import { FakeTrees } from "../../support/fake-trees.js";
import { fileOf } from "../../support/states.js";
import { TestLink } from "../../support/test-link.js";

const ROOT = "/w/a";

function streamed() {
  const disk = new FakeTrees();
  disk.repositories.set(ROOT, [fileOf("t:one")]);
  disk.readsAtOnce = false;
  const troubles: Trouble[] = [];
  const presence: boolean[] = [];
  const tree = new StreamedTree(ROOT, {
    onTrouble: (trouble) => troubles.push(trouble),
    onPresence: () => presence.push(tree.gone),
  });
  const link = new TestLink();
  tree.connect(link);
  tree.setWatched(true);
  return { tree, disk, link, troubles, presence };
}

/** One whose first state the relay has acknowledged. */
async function live() {
  const one = streamed();
  const opened = one.tree.open(one.disk);
  const source = one.disk.tree(ROOT);
  source.show(source.onDisk);
  await opened;
  one.tree.ack(one.link.last);
  return { ...one, source };
}

t.test("it is open when its first state has been read, and streams each state with what changed", async (t) => {
  const { tree, disk, link } = streamed();
  t.match(tree.status(), { root: ROOT, watched: true, state: "reading", scanned_at: null, problem: null });
  let opened = false;
  const opening = tree.open(disk).then(() => {
    opened = true;
  });
  await new Promise(setImmediate);
  t.notOk(opened);
  disk.tree(ROOT).show([fileOf("t:one")]);
  await opening;
  t.match(link.last, { base: null, upserts: [{ key: "t:one" }] });
  t.match(tree.status(), { state: "live", changed_files: 1 });
  tree.ack(link.last);
  disk.tree(ROOT).show([fileOf("t:one"), fileOf("t:two")]);
  t.match(link.last, { base: 1, upserts: [{ key: "t:two" }], removes: [] });
  t.equal(link.last.upserts.length, 1);
});

t.test("a state that another holder of the tree has read already is streamed at once", async (t) => {
  const { tree, disk, link } = streamed();
  const open = disk.open.bind(disk);
  disk.open = (root) => {
    const source = open(root);
    source.show([fileOf("t:known")]);
    return source;
  };
  await tree.open(disk);
  t.match(link.last, { base: null, upserts: [{ key: "t:known" }] });
});

t.test("a tree that can't be opened is a trouble, and holds nobody up", async (t) => {
  const { tree, disk, troubles } = streamed();
  disk.open = () => {
    throw new Error("no threads left");
  };
  await tree.open(disk);
  t.match(troubles, [{ code: "TW_TREE_UNREADABLE", message: /no threads left/ }]);
  t.equal(await tree.refresh(), undefined);
  t.match(tree.status(), { problem: /no threads left/ });
});

t.test("a refresh waits for the first state, and for the acknowledgement of what it finds", async (t) => {
  const { tree, disk, link } = streamed();
  let at: number | undefined;
  const refreshing = tree.refresh().then((time) => {
    at = time;
  });
  const opened = tree.open(disk);
  const source = disk.tree(ROOT);
  source.show([fileOf("t:one")]);
  await opened;
  tree.ack(link.last);
  source.onDisk = [fileOf("t:two")];
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
  t.match(link.last, { upserts: [{ key: "t:two" }], removes: ["t:one"] });
  t.equal(at, undefined, "not before the acknowledgement");
  tree.ack(link.last);
  await refreshing;
  t.equal(at, source.state?.scannedAt);
});

t.test("a refresh that finds what is known answers with the time of this look", async (t) => {
  const { tree, source, link } = await live();
  source.refresh = async () => {
    if (source.state !== undefined) source.state = { ...source.state, scannedAt: 12345 };
    return source.state;
  };
  t.equal(await tree.refresh(), 12345);
  t.equal(link.trees.length, 1, "and nothing is sent");
  source.show([fileOf("t:one"), fileOf("t:two")]);
  t.match(link.last, { base: 1, upserts: [{ key: "t:two" }], removes: [] });
});

t.test("a refresh that fails is a trouble; of a tree that is closed nothing comes", async (t) => {
  const { tree, source, troubles, link } = await live();
  source.refresh = () => Promise.reject(new Error("cannot be read"));
  t.equal(await tree.refresh(), undefined);
  t.match(troubles, [{ message: /cannot be read/ }]);
  tree.close();
  source.show([]);
  source.emit("trouble", { code: "X", message: "late" });
  source.vanish();
  t.same([link.trees.length, troubles.length, source.closed], [1, 1, true]);
  t.equal(await tree.refresh(), undefined);
});

t.test("a failure is reported once until a state shows that it has passed", async (t) => {
  const { tree, source, troubles } = await live();
  const trouble = { code: "TW_CORRUPT_REPOSITORY", message: "the index is damaged" };
  source.emit("trouble", trouble);
  source.emit("trouble", trouble);
  t.same(troubles, [trouble]);
  t.equal(tree.status().problem, trouble.message);
  source.show([]);
  t.equal(tree.status().problem, null);
  source.emit("trouble", trouble);
  t.same(troubles, [trouble, trouble]);
});

t.test("a tree that vanishes and returns has another history, that begins whole", async (t) => {
  const { tree, source, link, presence } = await live();
  const { epoch } = link.last;
  source.vanish();
  source.vanish();
  t.same([tree.gone, presence, tree.status().state], [true, [true], "gone"]);
  source.show([fileOf("t:again"), fileOf("t:more")]);
  t.same([tree.gone, presence], [false, [true, false]]);
  t.match(link.last, { base: null, seq: 1, upserts: [{ key: "t:again" }, { key: "t:more" }], removes: [] });
  t.not(link.last.epoch, epoch);
});

t.test("after a lost connection it goes on from what the relay holds", async (t) => {
  const { tree, source, link } = await live();
  const held = { epoch: link.last.epoch, seq: link.last.seq };
  tree.disconnect();
  source.show([fileOf("t:one"), fileOf("t:two")]);
  const again = new TestLink();
  tree.connect(again, { held });
  t.match(again.last, { base: held.seq, upserts: [{ key: "t:two" }] });
  tree.resync();
  t.match(again.last, { base: null });
});

t.test("while nobody looks nothing is sent", async (t) => {
  const { tree, source, link } = await live();
  tree.setWatched(false);
  source.show([]);
  t.equal(link.trees.length, 1);
  t.match(tree.status(), { watched: false, changed_files: 0 });
  tree.setWatched(true);
  t.match(link.last, { removes: ["t:one"] });
});
