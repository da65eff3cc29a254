import t from "tap";
import {
  applyDelta,
  type DeltaTree,
  deltaOf,
  deltaServerMessageSchema,
  diffFiles,
  type TreeFile,
} from "../../../../src/protocol/index.js";
import { TreeDelta } from "../../../../src/relay/hub/streams/tree-delta.js";
import type { TreeState } from "../../../../src/relay/hub/trees/tree-state.js";
import { fileOf } from "../../support/fake-agent.js";
import { nextState, stateOf } from "../../support/states.js";

const MiB = 1024 * 1024;

function textOf(delta: TreeDelta): string {
  return [...delta.fragments()].map(({ data }) => data.payload.toString()).join("");
}

function messageOf(delta: TreeDelta): DeltaTree {
  return deltaServerMessageSchema.parse(JSON.parse(textOf(delta))) as DeltaTree;
}

/** The states of one epoch that a few edits lead through. */
function history(): TreeState[] {
  const long = (text: string) => fileOf("long", `${"x".repeat(2_000)}\n+${text}`);
  const states = [stateOf([fileOf("a", "1"), fileOf("b", "1"), long("1")])];
  const edits: { upserts?: TreeFile[]; removes?: string[] }[] = [
    { upserts: [long("2")] },
    { upserts: [fileOf("c", "1"), fileOf("a", "2")], removes: ["t:b"] },
    {},
    { upserts: [fileOf("b", "1"), fileOf("a", "1")], removes: ["t:c"] },
    { removes: ["t:a", "t:b", "t:long"] },
  ];
  for (const edit of edits) states.push(nextState(states.at(-1) as TreeState, edit));
  return states;
}

t.test("a delta leads from any state to any later one, and is what a comparison of the two would give", (t) => {
  const states = history();
  for (const [at, from] of states.entries()) {
    for (const to of states.slice(at + 1)) {
      const message = messageOf(new TreeDelta(from, to));
      const { upserts, edits, removes } = message;
      t.equal(message.base, from.seq);
      t.same(applyDelta(from.files, message), to.files, `${from.seq} to ${to.seq}`);
      t.same({ upserts, edits, removes }, deltaOf(from.files, diffFiles(from.files, to.files)));
    }
  }
  t.end();
});

t.test("an edit in a long file is sent as an edit", (t) => {
  const [first, second] = history();
  const message = messageOf(new TreeDelta(first, second as TreeState));
  t.match(message, { upserts: [], removes: [], edits: [{ key: "t:long", insert: "2" }] });
  t.end();
});

t.test("without a state of the same epoch that is older, the message is the whole state", (t) => {
  const [first, second] = history() as [TreeState, TreeState];
  const other = stateOf([fileOf("z", "1")], { epoch: "epoch-02" });
  for (const from of [undefined, other, second]) {
    const message = messageOf(new TreeDelta(from, first));
    t.equal(message.base, null);
    t.same(message.upserts, first.files);
  }
  t.end();
});

t.test("a small message is one frame, built once", (t) => {
  const [first, second] = history() as [TreeState, TreeState];
  const delta = new TreeDelta(first, second);
  t.equal(delta.whole, delta.whole);
  t.equal(delta.whole?.payload.toString(), textOf(delta));
  t.end();
});

t.test("a large message is cut at the same places for everyone, and every fragment is bounded", (t) => {
  const files = [
    fileOf("a", "漢\u0001".repeat(300_000)),
    fileOf("b", "🦀".repeat(300_001)),
    ...Array.from({ length: 3_000 }, (_, at) => fileOf(`c${at}`, "1")),
  ];
  const delta = new TreeDelta(undefined, stateOf(files));
  t.equal(delta.whole, undefined);
  const [one, two] = [[...delta.fragments()], [...delta.fragments()]];
  t.ok(one.length > 5);
  t.same(
    one.map(({ isLast }) => isLast),
    one.map((_, at) => at === one.length - 1),
  );
  t.ok(one.every(({ data }, at) => data === two[at]?.data, "shared while anybody still has it"));
  t.ok(one.every(({ data }) => data.payload.length <= MiB));
  t.same(
    messageOf(delta).upserts,
    [...files].sort((a, b) => (a.key < b.key ? -1 : 1)),
  );
  t.end();
});
