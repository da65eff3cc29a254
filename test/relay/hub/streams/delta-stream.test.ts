import t from "tap";
import { MAX_UNIFIED_DIFF_BYTES } from "../../../../src/protocol/index.js";
import { DeltaStream } from "../../../../src/relay/hub/streams/delta-stream.js";
import type { NextFrame } from "../../../../src/relay/hub/streams/watch-stream.js";
import { fileOf } from "../../support/fake-agent.js";
import { APP, nextState, SCANNED_AT, stateOf } from "../../support/states.js";
import { FakeChat } from "../../support/watched-chat.js";

const json = (next: NextFrame | undefined) => next && JSON.parse(next.frame.data.payload.toString());

function requestOf(more: { evenIfUnchanged?: boolean; isStale?: boolean; answers?: string[] } = {}) {
  return { evenIfUnchanged: false, isStale: false, answers: [], scannedAt: () => Date.parse(SCANNED_AT), ...more };
}

/** Every message that the client lacks. */
function drain(stream: DeltaStream, chat: FakeChat): ReturnType<typeof json>[] {
  const messages: ReturnType<typeof json>[] = [];
  let text = "";
  for (let next = stream.next(chat, requestOf()); next !== undefined; next = stream.next(chat, requestOf())) {
    text += next.frame.data.payload.toString();
    if (!next.frame.isLast) continue;
    messages.push(JSON.parse(text));
    text = "";
  }
  return messages;
}

t.test("the client gets the roots, each tree, and `checked`; then nothing until something differs", (t) => {
  const chat = new FakeChat();
  const stream = new DeltaStream();
  const state = stateOf([fileOf("a", "1")]);
  chat.show(state);
  t.match(drain(stream, chat), [
    { type: "trees", roots: [APP] },
    { type: "tree", root: APP, base: null, upserts: [{ key: "t:a" }] },
    { type: "checked", scanned_at: SCANNED_AT },
  ]);
  t.equal(stream.next(chat, requestOf()), undefined);
  t.same(json(stream.next(chat, requestOf({ evenIfUnchanged: true, isStale: true }))), {
    type: "checked",
    scanned_at: SCANNED_AT,
    stale: true,
    next_ms: 10_000,
  });
  chat.show(nextState(state, { upserts: [fileOf("b", "1")] }));
  t.match(drain(stream, chat), [{ type: "tree", base: 1, seq: 2, upserts: [{ key: "t:b" }] }, { type: "checked" }]);
  t.end();
});

t.test("nothing is sent before the trees are known", (t) => {
  const chat = new FakeChat();
  chat.knowsRoots = false;
  t.equal(new DeltaStream().next(chat, requestOf({ evenIfUnchanged: true })), undefined);
  t.end();
});

t.test("a tree that goes and comes back is whole again; so is one that the client asks for", (t) => {
  const chat = new FakeChat();
  const stream = new DeltaStream();
  const state = stateOf([fileOf("a", "1")]);
  chat.show(state);
  drain(stream, chat);
  chat.show();
  t.match(drain(stream, chat), [{ type: "trees", roots: [] }, { type: "checked" }]);
  chat.show(state);
  t.match(drain(stream, chat), [{ type: "trees" }, { type: "tree", base: null }, { type: "checked" }]);
  stream.forget(APP);
  t.match(drain(stream, chat), [{ type: "tree", base: null }, { type: "checked" }]);
  t.end();
});

t.test("a client that does not read is sent what differs from the old state, as long as that is kept", (t) => {
  const chat = new FakeChat();
  const stream = new DeltaStream();
  const half = "x".repeat(MAX_UNIFIED_DIFF_BYTES / 2 + 1);
  const [one, two] = ["/one", "/two"].map((root) => stateOf([fileOf("a", half)], { root }));
  if (one === undefined || two === undefined) throw new Error("two states");
  chat.show(one, two);
  drain(stream, chat);
  stream.stateReplaced(one);
  stream.stateReplaced(one);
  stream.stateReplaced(two); // both are more than may be kept
  chat.show(nextState(one, { upserts: [fileOf("b", "1")] }), nextState(two, { upserts: [fileOf("b", "1")] }));
  t.match(drain(stream, chat), [{ root: "/one", base: 1 }, { root: "/two", base: null }, { type: "checked" }]);
  t.end();
});

t.test("a message that has begun goes to its end, of the state that it began with", (t) => {
  const chat = new FakeChat();
  const stream = new DeltaStream();
  const state = stateOf([fileOf("a", "x".repeat(1_000_000))]);
  chat.show(state);
  stream.next(chat, requestOf());
  const fragments = [stream.next(chat, requestOf())];
  t.ok(stream.isMidMessage);
  stream.stateReplaced(state);
  chat.show(nextState(state, { upserts: [fileOf("b", "1")] }));
  while (stream.isMidMessage) fragments.push(stream.next(chat, requestOf()));
  const message = JSON.parse(fragments.map((next) => next?.frame.data.payload.toString()).join(""));
  t.match(message, { seq: 1, upserts: [{ key: "t:a" }] });
  t.same(
    fragments.map((next) => next?.frame.scannedAt !== undefined),
    fragments.map((_, at) => at === fragments.length - 1),
    "the change counts as delivered with its last fragment",
  );
  t.match(drain(stream, chat), [{ seq: 2, base: 1, upserts: [{ key: "t:b" }] }, { type: "checked" }]);
  t.end();
});
