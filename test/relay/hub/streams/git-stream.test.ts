import t from "tap";
import { WHOLE_UNITS } from "../../../../src/relay/hub/encoding/repository-entry.js";
import { GitStream } from "../../../../src/relay/hub/streams/git-stream.js";
import type { NextFrame } from "../../../../src/relay/hub/streams/watch-stream.js";
import { fileOf } from "../../support/fake-agent.js";
import { APP, nextState, SCANNED_AT, stateOf } from "../../support/states.js";
import { FakeChat } from "../../support/watched-chat.js";

const LIB = "/home/me/lib";
const json = (next: NextFrame | undefined) => next && JSON.parse(next.frame.data.payload.toString());

function requestOf(more: { evenIfUnchanged?: boolean; isStale?: boolean; answers?: string[] } = {}) {
  return { evenIfUnchanged: false, isStale: false, answers: [], scannedAt: () => Date.parse(SCANNED_AT), ...more };
}

t.test("the first frame names every repository, clean ones and former ones too", (t) => {
  const chat = new FakeChat();
  chat.show(stateOf([fileOf("a", "1")]), stateOf([], { root: LIB }));
  chat.gone = ["/former"];
  const first = new GitStream().next(chat, requestOf());
  t.ok(first?.isUpToDate);
  t.match(json(first).repositories, [
    { repo_root: APP, unified_diff: /\+1/ },
    { repo_root: LIB, unified_diff: "" },
    { repo_root: "/former", removed: true },
  ]);
  t.match(json(new GitStream().next(new FakeChat(), requestOf())), { repositories: [] }, "and an empty list is one");
  t.end();
});

t.test("later frames carry what differs, and what is gone; or the time alone, when one is wanted", (t) => {
  const chat = new FakeChat();
  const stream = new GitStream();
  const [app, lib] = [stateOf([fileOf("a", "1")]), stateOf([], { root: LIB })];
  chat.show(app, lib);
  stream.next(chat, requestOf());
  t.equal(stream.next(chat, requestOf()), undefined);
  t.same(json(stream.next(chat, requestOf({ evenIfUnchanged: true, isStale: true }))), {
    type: "changes",
    scanned_at: SCANNED_AT,
    stale: true,
  });
  const next = nextState(app, { upserts: [fileOf("a", "2")] });
  chat.show(next, lib);
  t.match(json(stream.next(chat, requestOf())).repositories, [{ repo_root: APP, unified_diff: /\+2/ }]);
  chat.show(nextState(next, { meta: { head: "f".repeat(40) } }));
  t.match(json(stream.next(chat, requestOf())).repositories, [{ repo_root: LIB, removed: true }]);
  t.equal(stream.next(chat, requestOf()), undefined);
  stream.forget(APP);
  t.match(json(stream.next(chat, requestOf())).repositories, [{ repo_root: APP }]);
  t.end();
});

t.test("a large message goes out in fragments, and shows each repository as it is when its turn comes", (t) => {
  const chat = new FakeChat();
  const stream = new GitStream();
  const big = (root: string, text: string) => stateOf([fileOf("a", text + "x".repeat(WHOLE_UNITS))], { root });
  const [one, two, three] = ["/1", "/2", "/3"].map((root) => big(root, "before"));
  if (one === undefined || two === undefined || three === undefined) throw new Error("three states");
  chat.show(one, two, three);
  let text = "";
  let next = stream.next(chat, requestOf());
  text += next?.frame.data.payload.toString();
  t.ok(stream.isMidMessage);
  t.notOk(next?.isUpToDate);
  chat.show(one, nextState(two, { upserts: [fileOf("a", "after")] })); // the third one is gone
  while (stream.isMidMessage) {
    next = stream.next(chat, requestOf());
    text += next?.frame.data.payload.toString();
  }
  t.ok(next?.isUpToDate);
  t.match(JSON.parse(text), {
    scanned_at: SCANNED_AT,
    repositories: [
      { repo_root: "/1", unified_diff: /\+before/ },
      { repo_root: "/2", unified_diff: /\+after/ },
    ],
  });
  t.equal(JSON.parse(text).repositories.length, 2);
  t.equal(stream.next(chat, requestOf()), undefined, "nothing is sent twice");
  t.end();
});
