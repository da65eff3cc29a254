import t from "tap";
import type { RelayMessage } from "../../../src/protocol/index.js";
import { type AgentReport, LocalExchange } from "../../../src/relay/exchange/index.js";
import { type AgentLink, Hub, type Workspace } from "../../../src/relay/hub/index.js";
import { DEFAULT_LIMITS } from "../../../src/relay/limit-options.js";
import { SqliteStore } from "../../../src/relay/store/index.js";
import { silentLogger } from "../../../src/util/index.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { showChat } from "../support/attentive-client.js";
import { fileOf } from "../support/fake-agent.js";
import { APP, SCANNED_AT, updateOf } from "../support/states.js";

const WORKSPACE = "11111111-1111-4111-8111-111111111111";
const CHAT = "33333333-3333-4333-8333-333333333333";

/** A link that writes down what is sent over it. */
function linkOf(sent: RelayMessage[] = []): AgentLink & { sent: RelayMessage[] } {
  return { sent, send: (message) => sent.push(message), refuse: () => undefined };
}

function hubOf(t: Cleanup, follow: (workspace: Workspace) => () => void): Hub {
  const store = new SqliteStore(tempDir(t));
  t.teardown(() => store.close());
  const { chatRoots, treeStates } = store;
  return new Hub({ chatRoots, treeStates, log: silentLogger(), limits: DEFAULT_LIMITS, lingerMs: 0, follow });
}

/** Shows the chat to a client that reads everything. */
const watch = (hub: Hub, chat = CHAT) => showChat(hub, WORKSPACE, chat);

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

t.test("alone, a relay's own link is what the workspace is attached with, and every answer is there at once", (t) => {
  const exchange = new LocalExchange({
    agentState: (workspace) => (workspace === WORKSPACE ? "timeout" : "disconnected"),
    treeCounts: () => [],
  });
  const hub = hubOf(t, () => () => undefined);
  const link = linkOf();
  const hosted = exchange.host(hub.workspace(WORKSPACE), { link, replaced: () => t.fail("nobody else is there") });
  t.equal(hosted.local, link);
  t.equal(exchange.agentState(WORKSPACE), "timeout");
  t.equal(exchange.agentState("another"), "disconnected");
  t.equal(exchange.follow(), exchange.follow(), "nobody pays for that");
  t.end();
});

t.test("a workspace is followed from its first watched chat to its last", (t) => {
  const calls: string[] = [];
  const hub = hubOf(t, ({ id }) => {
    calls.push(`follow ${id}`);
    return () => calls.push(`stop ${id}`);
  });
  const first = watch(hub);
  const second = watch(hub);
  const other = watch(hub, WORKSPACE);
  t.same(calls.splice(0), [`follow ${WORKSPACE}`]);
  hub.leave(first.viewer, { mayReturn: false });
  hub.leave(other.viewer, { mayReturn: false });
  t.same(calls, [], "another client looks");
  hub.leave(second.viewer, { mayReturn: false });
  t.same(calls.splice(0), [`stop ${WORKSPACE}`]);
  const again = watch(hub);
  hub.move(again.viewer, { workspace: CHAT, chat: CHAT, paths: [] });
  t.same(calls, [`follow ${WORKSPACE}`, `follow ${CHAT}`, `stop ${WORKSPACE}`], "a chat that is bound anew");
  t.end();
});

t.test("whoever watches at a relay without the agent is shown what the one with it is told", async (t) => {
  const toAgent = linkOf();
  const home = hubOf(t, () => () => undefined).workspace(WORKSPACE);
  home.attach(toAgent);
  // what an exchange does: the follower's link leads to the agent, and the follower hears what the home has heard
  let follower: { workspace: Workspace; link: AgentLink } | undefined;
  const away = hubOf(t, (workspace) => {
    const link = { send: (message: RelayMessage) => toAgent.send(message), refuse: () => undefined };
    follower = { workspace, link };
    workspace.attach(link);
    workspace.resume();
    return () => {
      follower = undefined;
      workspace.detach(link, "disconnected");
    };
  });
  const say = (message: AgentReport) => {
    home.receive(toAgent, message);
    follower?.workspace.receive(follower.link, message);
  };
  const { frames, viewer } = watch(away);
  const asked = toAgent.sent.filter(({ type }) => type === "watch");
  t.match(asked.at(-1), { type: "watch", chat: CHAT });
  const refresh = toAgent.sent.findLast((message) => message.type === "refresh");
  say({ type: "chat", chat: CHAT, roots: [APP] });
  say(updateOf([fileOf("x", "one")]));
  await nextTurn();
  t.same(frames, [], "not before the barrier has passed");
  say({ type: "refreshed", id: refresh?.id ?? 0, scanned_at: SCANNED_AT });
  await nextTurn();
  t.match(frames, [{ type: "changes", repositories: [{ repo_root: APP }] }]);
  t.match(frames[0].repositories[0].unified_diff, /\+one/);
  say(updateOf([fileOf("x", "two")], { seq: 2, base: 1 }));
  await nextTurn();
  t.match(frames[1].repositories[0].unified_diff, /\+two/);

  if (follower === undefined) throw new Error("it is followed");
  follower.workspace.detach(follower.link, "timeout");
  await nextTurn();
  t.match(frames[2], { type: "error", message: /the workspace's agent is timeout/ });
  t.equal(away.agentState(WORKSPACE), "timeout");
  away.leave(viewer, { mayReturn: false });
  t.equal(home.agentState, "connected", "at its home nothing has changed");
});
