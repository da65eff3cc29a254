import t from "tap";
import { Trees } from "../../../src/agent/trees/trees.js";
import { createLogger } from "../../../src/util/index.js";
import { FakeTrees } from "../../support/fake-trees.js";
import { fileOf } from "../../support/states.js";
import { TestLink } from "../../support/test-link.js";

function someTrees() {
  const disk = new FakeTrees();
  for (const root of ["/w/a", "/w/b", "/w/c"]) disk.repositories.set(root, [fileOf("t:one")]);
  const presence: string[] = [];
  const log: { root: string; code: string }[] = [];
  const logger = createLogger("test", "warn", { write: (line) => void log.push(JSON.parse(line)) });
  const trees = new Trees({ source: disk, logger, onPresence: (root) => presence.push(root) });
  return { trees, disk, presence, log };
}

const turns = async (count = 10) => {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
};

t.test("just the trees that are wanted are open, two of them read for the first time at once", async (t) => {
  const { trees, disk } = someTrees();
  disk.readsAtOnce = false;
  trees.want(
    new Map([
      ["/w/a", true],
      ["/w/b", true],
      ["/w/c", true],
    ]),
  );
  await turns();
  t.same(disk.openRoots, ["/w/a", "/w/b"]);
  disk.tree("/w/b").show([]);
  await turns();
  t.same(disk.openRoots, ["/w/a", "/w/b", "/w/c"]);
  trees.want(new Map([["/w/b", true]]));
  t.same(disk.openRoots, ["/w/b"]);
});

t.test("a tree that was wanted for a moment alone is not opened at all", async (t) => {
  const { trees, disk } = someTrees();
  disk.readsAtOnce = false;
  trees.want(
    new Map([
      ["/w/a", true],
      ["/w/b", true],
      ["/w/c", true],
    ]),
  );
  trees.want(
    new Map([
      ["/w/a", true],
      ["/w/b", true],
    ]),
  );
  await turns();
  for (const root of ["/w/a", "/w/b"]) disk.tree(root).show([]);
  await turns();
  t.same(
    disk.opened.map(({ root }) => root),
    ["/w/a", "/w/b"],
  );
});

t.test("only what somebody looks at is sent, and acknowledged by its root", async (t) => {
  const { trees, disk } = someTrees();
  const link = new TestLink();
  trees.connect(link, new Map());
  trees.want(
    new Map([
      ["/w/a", true],
      ["/w/b", false],
    ]),
  );
  await turns();
  t.same(
    link.trees.map(({ root }) => root),
    ["/w/a"],
  );
  trees.ack("/w/a", link.last);
  trees.ack("/w/nowhere", link.last);
  disk.tree("/w/a").show([fileOf("t:two")]);
  t.match(link.last, { root: "/w/a", base: 1 });
  trees.resync("/w/a");
  trees.resync("/w/nowhere");
  t.match(link.last, { root: "/w/a", base: null });
});

t.test("on a new connection each tree goes on from what the relay holds of it", async (t) => {
  const { trees, disk } = someTrees();
  const link = new TestLink();
  trees.connect(link, new Map());
  trees.want(
    new Map([
      ["/w/a", true],
      ["/w/b", true],
    ]),
  );
  await turns();
  const held = new Map(link.trees.map(({ root, epoch, seq }) => [root, { held: { epoch, seq } }]));
  trees.disconnect();
  held.delete("/w/b");
  for (const root of ["/w/a", "/w/b"]) disk.tree(root).show([fileOf("t:two")]);
  const again = new TestLink();
  trees.connect(again, held);
  t.match(again.trees, [
    { root: "/w/a", base: 1 },
    { root: "/w/b", base: null },
  ]);
});

t.test("a tree that vanishes is reported as gone and asked about", async (t) => {
  const { trees, disk, presence } = someTrees();
  const link = new TestLink();
  trees.connect(link, new Map());
  trees.want(new Map([["/w/a", true]]));
  await turns();
  t.notOk(trees.isGone("/w/a"));
  disk.tree("/w/a").vanish();
  t.ok(trees.isGone("/w/a"));
  t.same(link.all("gone"), [{ type: "gone", root: "/w/a" }]);
  disk.tree("/w/a").show([]);
  t.notOk(trees.isGone("/w/a"));
  t.same([presence, link.all("gone").length], [["/w/a", "/w/a"], 1]);
  t.notOk(trees.isGone("/w/nowhere"));
});

t.test("a failure of a tree is logged and told to the relay, if there is one", async (t) => {
  const { trees, disk, log } = someTrees();
  trees.want(new Map([["/w/a", true]]));
  await turns();
  const trouble = { code: "TW_CORRUPT_REPOSITORY", message: "/w/a: damaged" };
  disk.tree("/w/a").emit("trouble", trouble);
  const link = new TestLink();
  trees.connect(link, new Map());
  disk.tree("/w/a").emit("trouble", { ...trouble, message: "/w/a: worse" });
  t.match(log, [{ root: "/w/a", code: trouble.code }, { root: "/w/a" }]);
  t.match(link.all("trouble"), [{ root: "/w/a", chat: null, code: trouble.code, message: "/w/a: worse" }]);
});

t.test("the status is sorted by root; a refresh of what is not open has nothing to say", async (t) => {
  const { trees } = someTrees();
  trees.want(
    new Map([
      ["/w/b", false],
      ["/w/a", true],
    ]),
  );
  await turns();
  t.match(trees.status(), [
    { root: "/w/a", watched: true },
    { root: "/w/b", watched: false },
  ]);
  t.equal(await trees.refresh("/w/nowhere"), undefined);
  t.type(await trees.refresh("/w/b"), "number");
});
