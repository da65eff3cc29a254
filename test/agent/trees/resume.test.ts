// An agent's stream of a tree and a relay's cache of it, between which connections are lost at any part.
import { randomUUID } from "node:crypto";
import t from "tap";
import { snapshotOf } from "../../../src/agent/trees/snapshot.js";
import { TreeStream } from "../../../src/agent/trees/tree-stream.js";
import type { TreeFile, TreeMessage } from "../../../src/protocol/index.js";
import { TreeCache } from "../../../src/relay/hub/trees/tree-cache.js";
import { SqliteStore } from "../../../src/relay/store/index.js";
import fc from "../../support/fast-check.js";
import { fileOf, stateOf } from "../../support/states.js";
import { tempDir } from "../../support/temp.js";
import { TestLink } from "../../support/test-link.js";

const ROOT = "/r";
const store = new SqliteStore(tempDir(t));
t.teardown(() => store.close());

/** A stream whose messages reach a cache one by one, when the test says so. */
class World {
  readonly stream = new TreeStream(ROOT);
  readonly workspace = randomUUID();
  cache = new TreeCache(this.workspace, store.treeStates, () => true);
  #link = new TestLink();
  #delivered = 0;
  /** All parts that were delivered. */
  readonly got: TreeMessage[] = [];

  constructor() {
    this.stream.setWatched(true);
    this.connect();
  }

  show(files: readonly TreeFile[]): void {
    this.stream.update(snapshotOf(stateOf(ROOT, files)));
  }

  /** Delivers so many parts. @returns whether there were as many */
  deliver(count: number): boolean {
    for (let at = 0; at < count; at += 1) {
      const part = this.#link.trees[this.#delivered];
      if (part === undefined) return false;
      this.#delivered += 1;
      this.got.push(part);
      const outcome = this.cache.apply(JSON.parse(JSON.stringify(part)));
      if (outcome.kind === "changed") this.stream.ack(part);
      if (outcome.kind === "gap") this.stream.resync();
    }
    return true;
  }

  lose(): void {
    this.stream.disconnect();
    this.cache.agentIsGone();
  }

  connect(): void {
    this.#link = new TestLink();
    this.#delivered = 0;
    const held = this.cache.knownHeads().find(({ root }) => root === ROOT);
    const partial = this.cache.unfinished().find(({ root }) => root === ROOT);
    this.stream.connect(this.#link, { held, partial });
  }

  get files(): readonly TreeFile[] | undefined {
    return this.cache.state(ROOT)?.files;
  }
}

const long = (text: string) => text.repeat(150_000);

t.test("a cut costs no part that has arrived, however the tree has changed meanwhile", async (t) => {
  const world = new World();
  world.show([fileOf("t:a", long("1")), fileOf("t:b", long("2"))]);
  world.deliver(2);
  world.lose();
  world.show([fileOf("t:a", long("3"))]);
  world.connect();
  world.deliver(1);
  world.lose();
  world.connect();
  world.deliver(100);
  t.same(
    world.got.map(({ seq, part }) => [seq, part]),
    [...[0, 1, 2, 3, 4, 5].map((part) => [1, part]), ...[0, 1, 2, 3].map((part) => [2, part])],
    "each part of the first state once; then what has changed since",
  );
  t.same(world.files, [fileOf("t:a", long("3"))]);
});

t.test(
  "an update goes on while nobody looked meanwhile, and when the relay has forgotten it begins anew",
  async (t) => {
    const world = new World();
    world.show([fileOf("t:a", long("1"))]);
    world.deliver(1);
    world.lose();
    world.stream.setWatched(false);
    world.connect();
    t.ok(world.deliver(0));
    world.stream.setWatched(true);
    world.deliver(1);
    t.match(world.got.at(-1), { seq: 1, part: 1 });
    world.lose();
    world.cache.forgetUnfinished(0);
    world.connect();
    world.deliver(100);
    t.match(world.got[2], { seq: 2, part: 0 });
    t.same(world.files, [fileOf("t:a", long("1"))]);
  },
);

t.test("a relay that says nonsense about what it has is sent the state from the beginning", async (t) => {
  const world = new World();
  world.show([fileOf("t:a", long("1"))]);
  const { epoch } = world.stream;
  for (const wrong of [
    { epoch, seq: 1, base: null, parts: 3 },
    { epoch, seq: 1, base: 1, parts: 1 },
    { epoch, seq: 9, base: null, parts: 1 },
    { epoch: "another-epoch", seq: 1, base: null, parts: 1 },
  ]) {
    const link = new TestLink();
    world.stream.disconnect();
    world.stream.connect(link, { partial: wrong });
    t.match(link.trees[0], { base: null, part: 0 }, JSON.stringify(wrong));
    world.stream.disconnect();
    world.stream.connect(new TestLink());
  }
});

t.test("whatever happens in whatever order, the relay comes to have the newest state", async (t) => {
  const files = fc.uniqueArray(fc.tuple(fc.constantFrom("t:a", "t:b", "u:c"), fc.constantFrom("1", "2", "3", "🦀")), {
    selector: ([key]) => key,
  });
  const step = fc.oneof(
    fc.record({ kind: fc.constant("show" as const), files }),
    fc.record({ kind: fc.constant("deliver" as const), count: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ kind: fc.constantFrom("cut" as const, "unwatched" as const, "watched" as const, "forget" as const) }),
  );
  const property = fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
    const world = new World();
    let shown: readonly TreeFile[] = [];
    for (const one of steps) {
      if (one.kind === "show") {
        shown = one.files.map(([key, text]) => fileOf(key, long(text))).sort((a, b) => (a.key < b.key ? -1 : 1));
        world.show(shown);
      } else if (one.kind === "deliver") world.deliver(one.count);
      else if (one.kind === "cut") {
        world.lose();
        world.connect();
      } else if (one.kind === "forget") world.cache.forgetUnfinished(0);
      else world.stream.setWatched(one.kind === "watched");
    }
    world.stream.setWatched(true);
    world.show(shown);
    world.deliver(1_000);
    return JSON.stringify(world.files) === JSON.stringify(shown);
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 40 }));
});
