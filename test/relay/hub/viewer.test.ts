import { mock } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { GitStream } from "../../../src/relay/hub/streams/git-stream.js";
import { TURN_BYTES } from "../../../src/relay/hub/turn-share.js";
import { Viewer } from "../../../src/relay/hub/viewer.js";
import type { Cleanup } from "../../support/temp.js";
import { fileOf } from "../support/fake-agent.js";
import { APP, nextState, SCANNED_AT, stateOf } from "../support/states.js";
import { FakeChat } from "../support/watched-chat.js";

const HEARTBEAT_MS = 30_000;

/** Timers and the time of day go by hand. */
function stopTheClock(t: Cleanup): void {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.parse(SCANNED_AT) });
  t.teardown(() => mock.timers.reset());
}

/** A viewer of a chat, whose frames a test takes one by one. */
function open(t: Cleanup, { acceptsStale = false } = {}) {
  stopTheClock(t);
  const chat = new FakeChat();
  const sent: ReturnType<typeof JSON.parse>[] = [];
  const events: string[] = [];
  let done: (() => void) | undefined;
  const outlet = {
    send: (frame: { data: { payload: Buffer } }, drained: () => void) => {
      if (done !== undefined) throw new Error("a frame while another one is under way");
      sent.push(JSON.parse(frame.data.payload.toString()));
      done = drained;
    },
    onBlocked: () => events.push("blocked"),
    onDrained: () => events.push("drained"),
    onFailed: () => events.push("failed"),
  };
  const viewer = new Viewer(chat, outlet, new GitStream(), acceptsStale);
  /** The client has read the frame that is under way. */
  const drain = () => {
    const drained = done;
    done = undefined;
    drained?.();
  };
  /** The same until nothing more comes. @returns what was sent since the last time */
  const drainAll = () => {
    while (done !== undefined) drain();
    return sent.splice(0);
  };
  return { chat, viewer, sent, events, drain, drainAll };
}

t.test("the first frame waits for the barrier, and holds everything", (t) => {
  const { chat, viewer, drainAll } = open(t);
  chat.show(stateOf([fileOf("a", "1")]));
  viewer.flush();
  t.same(drainAll(), []);
  viewer.markReady();
  t.match(drainAll(), [{ type: "changes", repositories: [{ repo_root: APP }] }]);
  t.end();
});

t.test("after a second, states that the agent has confirmed will do, unless the client asked for a barrier", (t) => {
  const { chat, viewer, drainAll } = open(t);
  mock.timers.tick(1_000);
  t.same(drainAll(), [], "not before they are confirmed");
  chat.settled = true;
  viewer.refresh();
  viewer.flush();
  t.same(drainAll(), [], "nor while a refresh waits");
  t.end();
});

t.test("after a second, states that the agent has confirmed will do", (t) => {
  const { chat, drainAll } = open(t);
  chat.settled = true;
  mock.timers.tick(999);
  t.same(drainAll(), []);
  mock.timers.tick(1);
  t.match(drainAll(), [{ type: "changes", repositories: [] }]);
  t.end();
});

t.test("what the chat remembers as trouble is sent right behind the first frame", (t) => {
  const { chat, viewer, drainAll } = open(t);
  chat.failures = ["damaged"];
  viewer.sendTrouble("damaged");
  t.same(drainAll(), []);
  viewer.markReady();
  t.match(drainAll(), [{ type: "changes" }, { type: "error", message: "damaged" }]);
  viewer.sendTrouble("another");
  t.same(drainAll(), [{ type: "error", message: "another" }]);
  t.end();
});

t.test("while a frame is under way, states replace each other, and the client gets the newest", (t) => {
  const { chat, viewer, sent, events, drain, drainAll } = open(t);
  let state = stateOf([fileOf("a", "0")]);
  chat.show(state);
  viewer.markReady();
  for (let count = 1; count <= 5; count += 1) {
    state = nextState(state, { upserts: [fileOf("a", String(count))] });
    chat.show(state);
    viewer.flush();
  }
  t.equal(sent.length, 1);
  t.ok(chat.blocked.has(viewer), "the states that are replaced meanwhile are its concern");
  t.same(events, ["blocked", "blocked", "blocked", "blocked", "blocked"]);
  drain();
  t.notOk(chat.blocked.has(viewer));
  t.match(sent[1].repositories, [{ unified_diff: /\+5/ }]);
  t.equal(events.length, 5, "there is still a frame under way");
  drain();
  t.equal(events.at(-1), "drained");
  t.equal(drainAll().length, 2);
  t.end();
});

t.test("each refresh is answered by a frame of its own, behind its barrier", async (t) => {
  const { chat, viewer, drainAll } = open(t);
  viewer.markReady();
  drainAll();
  viewer.refresh();
  viewer.refresh();
  t.same(drainAll(), []);
  for (const { pass } of chat.barriers) pass();
  await nextTurn();
  t.same(drainAll(), [
    { type: "changes", scanned_at: SCANNED_AT },
    { type: "changes", scanned_at: SCANNED_AT },
  ]);
});

t.test(
  "a refresh without an agent is answered by an error at once; a slow agent by one after four seconds",
  async (t) => {
    const { chat, viewer, drainAll } = open(t);
    viewer.markReady();
    drainAll();
    chat.agentIsConnected = false;
    viewer.refresh();
    t.same(drainAll(), [{ type: "error", message: "the agent is away" }]);
    chat.agentIsConnected = true;
    viewer.refresh();
    mock.timers.tick(4_000);
    t.match(drainAll(), [{ type: "error", message: /has not answered yet/ }]);
    chat.barriers[0]?.fail();
    await nextTurn();
    t.same(drainAll(), [], "why it failed is sent to every viewer of the chat");
  },
);

t.test("a quiet viewer says after a while that nothing changed, and a busy one does not", (t) => {
  const { viewer, drainAll } = open(t);
  viewer.markReady();
  drainAll();
  mock.timers.tick(HEARTBEAT_MS - 1);
  viewer.heartbeat(0);
  t.same(drainAll(), []);
  mock.timers.tick(1);
  viewer.heartbeat(0);
  t.same(drainAll(), [{ type: "changes", scanned_at: SCANNED_AT }]);
  viewer.heartbeat(0);
  t.same(drainAll(), [], "that counts as well");
  t.end();
});

t.test("who accepts stale states gets them without a barrier, and a frame when the agent is back", (t) => {
  const { chat, viewer, drainAll } = open(t, { acceptsStale: true });
  chat.agentIsConnected = false;
  chat.show(stateOf([fileOf("a", "1")]));
  viewer.flush();
  t.match(drainAll(), [{ stale: true, repositories: [{ repo_root: APP }] }]);
  chat.agentIsConnected = true;
  viewer.flush();
  t.same(drainAll(), [], "what is here is not known to be true yet");
  viewer.markReady();
  t.same(drainAll(), [{ type: "changes", scanned_at: SCANNED_AT }], "it is, and is no longer stale");
  viewer.markReady();
  t.same(drainAll(), [], "that is said once");
  t.end();
});

t.test("a viewer that goes on with another binding gets the difference", (t) => {
  const { chat, viewer, drainAll } = open(t);
  chat.show(stateOf([]));
  viewer.markReady();
  drainAll();
  const other = new FakeChat();
  other.show(stateOf([fileOf("y", "1")], { root: "/other" }));
  viewer.moveTo(other);
  t.equal(viewer.chat, other);
  viewer.flush();
  t.match(drainAll(), [{ repositories: [{ repo_root: "/other" }, { repo_root: APP, removed: true }] }]);
  t.end();
});

t.test("when the socket is gone, nothing more is sent, and nothing is kept for it", (t) => {
  const { chat, viewer, sent, events, drain } = open(t);
  viewer.markReady();
  viewer.sendError("one");
  t.equal(viewer.backlog, 1);
  t.ok(chat.blocked.has(viewer));
  viewer.ended();
  t.notOk(chat.blocked.has(viewer));
  viewer.sendError("two");
  drain();
  mock.timers.tick(60_000);
  t.equal(sent.length, 1);
  t.same(events, ["blocked", "drained"]);
  t.end();
});

t.test("who has to wait for a turn is served in the next one, and counts as blocked until then", async (t) => {
  const { chat, viewer, sent, events, drain } = open(t);
  const state = stateOf([fileOf("a", "1")]);
  chat.show(state);
  viewer.markReady();
  chat.show(nextState(state, { upserts: [fileOf("a", "2")] }));
  viewer.flush();
  chat.turn.spend(TURN_BYTES);
  drain();
  t.same([sent.length, chat.blocked.has(viewer), ...events], [1, true, "blocked"]);
  await nextTurn();
  await nextTurn();
  t.match(sent[1], { type: "changes", repositories: [{ unified_diff: /\+2\n/ }] });
  drain();
  t.same([sent.length, chat.blocked.has(viewer), ...events], [2, false, "blocked", "drained"]);
});

t.test("who waits for a turn in which there is nothing to send any more is drained by then", async (t) => {
  const { chat, viewer, sent, events, drain } = open(t);
  chat.show(stateOf([fileOf("a", "1")]));
  viewer.markReady();
  viewer.flush();
  chat.turn.spend(TURN_BYTES);
  drain();
  await nextTurn();
  await nextTurn();
  t.same([sent.length, chat.blocked.has(viewer), ...events], [1, false, "blocked", "drained"]);
});

t.test("who has left is not served when its turn comes", async (t) => {
  const { chat, viewer, sent } = open(t);
  chat.show(stateOf([fileOf("a", "1")]));
  chat.turn.spend(TURN_BYTES);
  viewer.markReady();
  viewer.ended();
  await nextTurn();
  await nextTurn();
  t.same([sent.length, chat.turn.isBehind], [0, false]);
});
