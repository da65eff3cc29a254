import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import type { TextFrame } from "../../../../src/relay/hub/encoding/text-frame.js";
import { FrameCache } from "../../../../src/relay/hub/streams/frame-cache.js";
import { fileOf } from "../../support/fake-agent.js";
import { nextState, stateOf } from "../../support/states.js";

const AT = Date.parse("2026-03-05T10:11:12.345Z");
const { view } = stateOf([fileOf("a", "1")]);
const { view: other } = stateOf([], { root: "/home/me/lib" });

const LIVE = { isStale: false, answers: [] };
const STALE = { isStale: true, answers: [] };

const json = (frame: TextFrame) => JSON.parse(frame.payload.toString());

t.test("a frame has the time, the repositories that differ and those that are gone", (t) => {
  const frames = new FrameCache();
  t.same(json(frames.changes(AT, undefined, [], LIVE)), { type: "changes", scanned_at: "2026-03-05T10:11:12.345Z" });
  t.same(json(frames.changes(AT, [], [], STALE)), {
    type: "changes",
    scanned_at: "2026-03-05T10:11:12.345Z",
    stale: true,
    repositories: [],
  });
  const entries = json(frames.changes(AT, [view.entry, other.entry], ["/gone"], LIVE)).repositories;
  t.match(entries, [
    { repo_root: "/home/me/app", unified_diff: /\+1/ },
    { repo_root: "/home/me/lib", unified_diff: "" },
    { repo_root: "/gone", removed: true },
  ]);
  t.match(json(frames.changes(AT, [view.entry], [], LIVE)).repositories, [{ repo_root: "/home/me/app" }]);
  t.match(json(frames.changes(AT, [], ["/gone"], LIVE)).repositories, [{ repo_root: "/gone" }]);
  t.end();
});

t.test("within one turn, the same is built once; what differs in anything is not the same", (t) => {
  const frames = new FrameCache();
  const frame = frames.changes(AT, [view.entry], [], LIVE);
  t.equal(frames.changes(AT, [view.entry], [], LIVE), frame);
  const others = [
    frames.changes(AT + 1, [view.entry], [], LIVE),
    frames.changes(AT, [view.entry], [], STALE),
    frames.changes(AT, [view.entry], ["/gone"], LIVE),
    frames.changes(AT, [other.entry], [], LIVE),
    frames.changes(AT, [], [], LIVE),
    frames.changes(AT, undefined, [], LIVE),
    frames.changes(AT, [view.entry], [], { isStale: false, answers: ["a"] }),
  ];
  t.equal(new Set([frame, ...others]).size, 8);
  t.end();
});

t.test("deltas between the same states are one; a turn later, nothing is kept", async (t) => {
  const frames = new FrameCache();
  const first = stateOf([fileOf("a", "1")]);
  const second = nextState(first, { upserts: [fileOf("a", "2")] });
  const delta = frames.delta(first, second);
  t.equal(frames.delta(first, second), delta);
  t.not(frames.delta(undefined, second), delta);
  const fragment = frames.fragment("one", ["a"]);
  t.equal(frames.fragment("one", ["a"]), fragment);
  await nextTurn();
  t.not(frames.delta(first, second), delta);
  t.not(frames.fragment("one", ["a"]), fragment);
});

t.test("while viewers wait for their turns they are sent the same, for eight turns and no longer", async (t) => {
  const turn = { isBehind: true };
  const frames = new FrameCache(turn);
  const frame = () => frames.changes(AT, [view.entry], [], LIVE);
  const first = frame();
  for (let turns = 0; turns < 4; turns += 1) await nextTurn();
  t.equal(frame(), first);
  for (let turns = 0; turns < 8; turns += 1) await nextTurn();
  const second = frame();
  t.not(second, first);
  turn.isBehind = false;
  await nextTurn();
  await nextTurn();
  t.not(frame(), second);
});
