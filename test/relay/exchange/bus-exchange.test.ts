import { mock } from "node:test";
import t from "tap";
import { QuestionError } from "../../../src/relay/hub/index.js";
import { fileOf } from "../support/fake-agent.js";
import { APP, SCANNED_AT, updateOf } from "../support/states.js";
import { clusterOf, HandAgent, nodeOf } from "./support/hand-agent.js";

mock.timers.enable({ apis: ["setTimeout", "setInterval"] }); // of hubs: the cluster's own clock goes by hand
t.teardown(() => mock.timers.reset());

t.test("the state of an agent is known at every relay, without anything being stored", async (t) => {
  const cluster = clusterOf(t);
  const stateAt = async (at: number) => {
    const asked = Promise.resolve(nodeOf(cluster, at).exchange.agentState(cluster.workspace));
    await cluster.advance(20);
    return asked;
  };
  t.same([await stateAt(0), await stateAt(1)], ["disconnected", "disconnected"]);
  const agent = await new HandAgent(cluster, 0).connect(cluster);
  t.equal(await stateAt(1), "disconnected", "it was asked a moment ago");
  await cluster.advance(1_000);
  t.same([await stateAt(0), await stateAt(1)], ["connected", "connected"]);
  const { published } = cluster.net;
  t.equal(await stateAt(1), "connected");
  t.equal(cluster.net.published, published, "nobody is asked again within a second");
  agent.lose();
  await cluster.advance(1_000);
  t.same([await stateAt(0), await stateAt(1)], ["timeout", "disconnected"]);
});

t.test("who watches at other relays is watched for once, until the last of them leaves", async (t) => {
  const cluster = clusterOf(t);
  const agent = await new HandAgent(cluster, 0).connect(cluster);
  const [one, two, three] = [1, 1, 2].map((at) => cluster.watch(nodeOf(cluster, at)));
  await cluster.advance(50);
  t.same(agent.typesOf("watch", "unwatch"), ["watch"]);
  if (one === undefined || two === undefined || three === undefined) throw new Error("they watch");
  nodeOf(cluster, 1).leave(one);
  nodeOf(cluster, 2).leave(three);
  await cluster.advance(50);
  t.same(agent.typesOf("watch", "unwatch"), ["watch"], "one is left");
  nodeOf(cluster, 1).leave(two);
  await cluster.advance(50);
  t.same(agent.typesOf("watch", "unwatch"), ["watch", "unwatch"]);
});

t.test("a relay that is not heard any more is forgotten with what it watches", async (t) => {
  const cluster = clusterOf(t);
  const agent = await new HandAgent(cluster, 0).connect(cluster);
  cluster.watch(nodeOf(cluster, 1));
  await cluster.advance(25_000);
  t.same(agent.typesOf("watch", "unwatch"), ["watch"], "it says now and then that it is there");
  nodeOf(cluster, 1).bus.cut();
  await cluster.advance(45_000);
  t.same(agent.typesOf("watch", "unwatch"), ["watch", "unwatch"]);
});

t.test("refreshes of all relays that come together cost the agent two at most", async (t) => {
  const cluster = clusterOf(t);
  const agent = await new HandAgent(cluster, 0).connect(cluster);
  const clients = [1, 1, 2, 2].map((at) => cluster.watch(nodeOf(cluster, at)));
  await cluster.advance(50);
  for (const client of clients) client.refresh();
  await cluster.advance(2_000); // asked for again, several times
  t.ok(agent.typesOf("refresh").length <= 2);
  agent.say({ type: "chat", chat: cluster.chats[0] ?? "", roots: [] });
  await agent.answerRefreshes(cluster);
  t.same(
    clients.flatMap(({ unanswered, faults }) => [
      ...unanswered,
      ...faults.filter((fault) => !fault.includes(" for 0")),
    ]),
    [],
  );
});

t.test(
  "a client that comes later at another relay sees the troubles that last, and an answer to its question",
  async (t) => {
    const cluster = clusterOf(t);
    const [chat = ""] = cluster.chats;
    const agent = await new HandAgent(cluster, 0).connect(cluster);
    cluster.watch(nodeOf(cluster, 1));
    await cluster.advance(50);
    agent.say(
      { type: "chat", chat, roots: [APP] },
      updateOf([fileOf("x", "1")]),
      { type: "trouble", root: APP, chat: null, code: "x", message: "the index is damaged" },
      { type: "trouble", root: null, chat, code: "x", message: "a path is not there" },
    );
    const late = cluster.watch(nodeOf(cluster, 2));
    await agent.answerRefreshes(cluster);
    t.same(late.messages, ["a path is not there", "the index is damaged"]);
    const binding = { workspace: cluster.workspace, chat, paths: [] };
    const answer = nodeOf(cluster, 2).hub.ask(binding, { kind: "diff" });
    await cluster.advance(50);
    const ask = agent.all.find((message) => message.type === "ask");
    const data = JSON.stringify({ kind: "failure", why: "not-found", message: "no such tree" });
    agent.say({ type: "answer", id: ask?.id ?? 0, data, more: false });
    await cluster.advance(50);
    t.match(await answer, { kind: "failure", why: "not-found" });
  },
);

t.test(
  "an agent at another relay is asked without anybody watching there, and why there is no answer is known",
  async (t) => {
    const cluster = clusterOf(t);
    const { exchange } = nodeOf(cluster, 1);
    const ask = async (answer?: (id: number) => void) => {
      const answered = exchange
        .ask({ workspace: cluster.workspace, chat: cluster.chats[0] ?? "", paths: [] }, { kind: "diff" })
        .catch((thrown: unknown) => (thrown instanceof QuestionError ? thrown.why : String(thrown)));
      await cluster.advance(50);
      answer?.(agent.all.findLast((message) => message.type === "ask")?.id ?? 0);
      await cluster.advance(50);
      return answered;
    };
    const agent = new HandAgent(cluster, 0);
    t.equal(await ask(), "no-agent");
    await cluster.advance(1_000);
    await agent.connect(cluster);
    const said = { kind: "failure" as const, why: "not-found" as const, message: "no such tree" };
    const say = (data: string) => (id: number) => agent.say({ type: "answer", id, data, more: false });
    t.same(await ask(say(JSON.stringify(said))), said);
    t.equal(await ask(say("{}")), "no-answer");
    await new HandAgent(cluster, 0).connect(cluster, { compares: false });
    t.equal(await ask(), "old-agent");
  },
);

t.test("an agent that goes to another relay takes its viewers along, and the one before hears 4001", async (t) => {
  const cluster = clusterOf(t, { skewsMs: [60_000, 0, 0] });
  const [chat = ""] = cluster.chats;
  const first = await new HandAgent(cluster, 0).connect(cluster);
  const clients = [0, 1, 2].map((at) => cluster.watch(nodeOf(cluster, at)));
  await cluster.advance(50);
  first.say({ type: "chat", chat, roots: [APP] }, updateOf([fileOf("file", "1")]));
  await first.answerRefreshes(cluster);
  const second = await new HandAgent(cluster, 1).connect(cluster);
  t.same([first.replaced, second.replaced], [1, 0], "although its relay's clock is a minute behind");
  await cluster.advance(3_000);
  second.say({ type: "chat", chat, roots: [APP] }, updateOf([fileOf("file", "2")], { epoch: "epoch-02" }));
  await second.answerRefreshes(cluster);
  t.same(
    clients.map(({ shown, messages }) => [shown.get(APP), messages.length]),
    [
      [2, 0],
      [2, 0],
      [2, 0],
    ],
    "and nobody was told that the agent was away",
  );
});

t.test(
  "viewers elsewhere hear at once that an agent is lost, and nothing when its relay stops and it comes back",
  async (t) => {
    const cluster = clusterOf(t);
    const [chat = ""] = cluster.chats;
    const away = await new HandAgent(cluster, 0).connect(cluster);
    const client = cluster.watch(nodeOf(cluster, 1));
    await cluster.advance(50);
    away.say({ type: "chat", chat, roots: [APP] }, updateOf([fileOf("file", "1")]));
    await away.answerRefreshes(cluster);
    away.lose();
    await cluster.advance(20);
    t.match(client.messages, [/agent is timeout/]);
    const stopping = await new HandAgent(cluster, 0).connect(cluster);
    await cluster.advance(50);
    await stopping.answerRefreshes(cluster);
    nodeOf(cluster, 0).exchange.drain();
    await cluster.advance(50);
    stopping.lose();
    await cluster.advance(5_000);
    const back = await new HandAgent(cluster, 2).connect(cluster);
    await cluster.advance(1_000);
    back.say({ type: "chat", chat, roots: [APP] }, updateOf([fileOf("file", "2")], { epoch: "epoch-02" }));
    await cluster.advance(50);
    t.equal(client.shown.get(APP), 2);
    t.equal(client.messages.length, 1);
  },
);

t.test(
  "a home that dies is noticed within seconds, and what an agent does with secrets decides what is kept",
  async (t) => {
    const cluster = clusterOf(t);
    const [chat = ""] = cluster.chats;
    const agent = await new HandAgent(cluster, 0).connect(cluster, { secrets: "send" });
    const client = cluster.watch(nodeOf(cluster, 1));
    await cluster.advance(50);
    agent.say({ type: "chat", chat, roots: [APP] }, updateOf([fileOf("file", "1")]));
    await agent.answerRefreshes(cluster);
    const workspace = nodeOf(cluster, 1).hub.workspace(cluster.workspace);
    t.ok(workspace.state(APP));
    await nodeOf(cluster, 0).kill();
    await cluster.advance(7_000);
    t.match(client.messages, [/agent is disconnected/]);
    const next = await new HandAgent(cluster, 2).connect(cluster, { secrets: "withhold", compares: false });
    t.equal(workspace.state(APP), undefined, "what was sent with secrets in it");
    t.same([workspace.agentState, workspace.agentCompares], ["connected", false]);
    next.say({ type: "chat", chat, roots: [APP] }, updateOf([fileOf("file", "3")], { epoch: "epoch-02" }));
    await next.answerRefreshes(cluster);
    t.equal(client.shown.get(APP), 3);
  },
);

t.test("a relay without room for a workspace shows it as one without an agent, and tries again later", async (t) => {
  const cluster = clusterOf(t);
  const [chat = ""] = cluster.chats;
  const agent = await new HandAgent(cluster, 0).connect(cluster);
  const client = cluster.watch(nodeOf(cluster, 1));
  await cluster.advance(50);
  agent.say({ type: "chat", chat, roots: [APP] }, updateOf([fileOf("file", "1")]));
  await agent.answerRefreshes(cluster);
  const workspace = nodeOf(cluster, 1).hub.workspace(cluster.workspace);
  workspace.shed("max-tree-bytes");
  await cluster.advance(5_000);
  t.equal(workspace.agentState, "disconnected");
  t.match(client.messages, [/agent is disconnected/]);
  const { published } = cluster.net;
  await cluster.advance(10_000);
  t.equal(cluster.net.published, published, "and it follows no more");
  await cluster.advance(20_000);
  t.equal(workspace.agentState, "connected");
  agent.say({ type: "chat", chat, roots: [APP] }, { type: "scanned", root: APP, scanned_at: SCANNED_AT });
  await cluster.advance(1_000);
  t.equal(workspace.state(APP)?.seq, 1, "which it lacked, and was sent whole");
});

t.test(
  "viewers elsewhere of an agent whose turn in a drain comes late have as long until they hear of it",
  async (t) => {
    const cluster = clusterOf(t);
    const [chat = ""] = cluster.chats;
    const agent = await new HandAgent(cluster, 0).connect(cluster);
    const client = cluster.watch(nodeOf(cluster, 1));
    await cluster.advance(50);
    agent.say({ type: "chat", chat, roots: [APP] }, updateOf([fileOf("file", "1")]));
    await agent.answerRefreshes(cluster);
    nodeOf(cluster, 0).exchange.drain();
    await cluster.advance(9_000);
    agent.lose();
    await cluster.advance(9_000);
    t.same(client.messages, []);
    await cluster.advance(2_000);
    t.match(client.messages, [/agent is disconnected/], "it has not come back");
  },
);

t.test("a relay that stops lets go of what it watches elsewhere", async (t) => {
  const cluster = clusterOf(t);
  const agent = await new HandAgent(cluster, 0).connect(cluster);
  cluster.watch(nodeOf(cluster, 1));
  await cluster.advance(50);
  await nodeOf(cluster, 1).exchange.close();
  await cluster.advance(50);
  t.same(agent.typesOf("watch", "unwatch"), ["watch", "unwatch"]);
});

t.test("only the relay that has the agent writes to the store", async (t) => {
  const cluster = clusterOf(t);
  const [chat = ""] = cluster.chats;
  const written = async () => {
    for (const { hub } of cluster.nodes) await hub.tidy(true);
    return cluster.nodes.map(({ writes }) => [...new Set(writes.splice(0))].sort());
  };
  const first = await new HandAgent(cluster, 0).connect(cluster, { secrets: "send" });
  for (const at of [1, 2]) cluster.watch(nodeOf(cluster, at));
  await cluster.advance(50);
  const [lib, other] = ["/home/me/lib", "/home/me/other"];
  const tell = (agent: HandAgent, epoch: string) => {
    agent.say({ type: "chat", chat, roots: [APP, lib, other] });
    for (const root of [APP, lib, other]) agent.say(updateOf([fileOf("file", "1")], { root, epoch }));
  };
  tell(first, "epoch-01");
  first.say({ type: "gone", root: other });
  await first.answerRefreshes(cluster);
  t.ok(nodeOf(cluster, 1).hub.workspace(cluster.workspace).state(APP), "another relay has it as well");
  t.same(await written(), [["bury", "delete", "record", "save"], [], []]);
  t.equal(nodeOf(cluster, 1).hub.workspace(cluster.workspace).state(APP)?.seq, 1);

  const second = await new HandAgent(cluster, 1).connect(cluster, { secrets: "withhold" });
  await cluster.advance(3_000);
  t.same(await written(), [[], ["delete"], []], "what was sent with secrets in it is taken away by the new one alone");
  tell(second, "epoch-02");
  await second.answerRefreshes(cluster);
  t.same(await written(), [[], ["record", "save"], []]);
});

t.test("a relay that has given a workspace away writes nothing of it behind the one that has it now", async (t) => {
  const cluster = clusterOf(t);
  const [chat = ""] = cluster.chats;
  const first = await new HandAgent(cluster, 0).connect(cluster);
  const client = cluster.watch(nodeOf(cluster, 0));
  first.say({ type: "chat", chat, roots: [APP] }, updateOf([fileOf("file", "1")]));
  await cluster.advance(50);
  nodeOf(cluster, 0).leave(client);
  await new HandAgent(cluster, 1).connect(cluster);
  first.lose();
  nodeOf(cluster, 0).writes.length = 0;
  await nodeOf(cluster, 0).hub.tidy(true);
  t.same(nodeOf(cluster, 0).writes, []);
  t.equal(nodeOf(cluster, 0).hub.counts().workspaces, 0, "and keeps nothing of it");
});

t.test("a relay whose loop stood still asks at once for what the bus may have dropped meanwhile", async (t) => {
  const cluster = clusterOf(t);
  const [chat = ""] = cluster.chats;
  const agent = await new HandAgent(cluster, 0).connect(cluster);
  const node = nodeOf(cluster, 1);
  const client = cluster.watch(node);
  await cluster.advance(50);
  agent.say({ type: "chat", chat, roots: [APP] }, updateOf([fileOf("file", "1")]));
  await agent.answerRefreshes(cluster);
  await cluster.advance(2_000 - (cluster.nowMs % 2_000) + 300); // the next beacon is far away
  cluster.net.faults = { ...cluster.net.faults, loss: 1 };
  agent.say(updateOf([fileOf("file", "2")], { seq: 2, base: 1 }));
  cluster.net.faults = { ...cluster.net.faults, loss: 0 };
  node.standStill(1_900);
  await cluster.advance(300);
  t.equal(client.shown.get(APP), 1, "for a short time nobody need ask");
  const { syncs, gaps } = node.exchange.counts;
  node.standStill(8_000);
  await cluster.advance(300);
  t.equal(client.shown.get(APP), 2);
  t.same({ ...node.exchange.counts }, { hosted: 0, followed: 1, syncs: syncs + 1, gaps, homesLost: 0 });
});

t.test("it is counted what is hosted and followed, what is missed, and what is lost", async (t) => {
  const cluster = clusterOf(t);
  const [chat = ""] = cluster.chats;
  const agent = await new HandAgent(cluster, 0).connect(cluster);
  const { exchange } = nodeOf(cluster, 1);
  cluster.watch(nodeOf(cluster, 1));
  await cluster.advance(50);
  agent.say({ type: "chat", chat, roots: [APP] }, updateOf([fileOf("file", "1")]));
  await agent.answerRefreshes(cluster);
  t.same(nodeOf(cluster, 0).exchange.counts, { hosted: 1, followed: 0, gaps: 0, syncs: 0, homesLost: 0 });
  const before = exchange.counts;
  t.match(before, { hosted: 0, followed: 1, gaps: 0, homesLost: 0 });
  cluster.net.faults = { ...cluster.net.faults, loss: 1 };
  agent.say(updateOf([fileOf("file", "2")], { seq: 2, base: 1 }));
  cluster.net.faults = { ...cluster.net.faults, loss: 0 };
  await cluster.advance(2_500);
  t.same(
    exchange.counts,
    { ...before, gaps: 1, syncs: before.syncs + 1 },
    "a beacon has said that something is missing",
  );
  await nodeOf(cluster, 0).kill();
  await cluster.advance(7_000);
  t.equal(exchange.counts.homesLost, 1);
});

t.test("whom one relay refuses for guessing tokens, all others are told of", async (t) => {
  const cluster = clusterOf(t);
  nodeOf(cluster, 0).exchange.refuseEverywhere("192.0.2.1", 30_000);
  nodeOf(cluster, 0).exchange.refuseEverywhere("192.0.2.2", 3_600_000); // no relay refuses anybody for so long
  await cluster.advance(20);
  const told = [{ address: "192.0.2.1", forMs: 30_000 }];
  t.same(
    cluster.nodes.map(({ refused }) => refused),
    [[], told, told],
  );
});

t.test("a list of chats knows what agents at other relays do", async (t) => {
  const cluster = clusterOf(t);
  const [chat = "", other = ""] = cluster.chats;
  const { exchange } = nodeOf(cluster, 1);
  for (const { bus } of cluster.nodes) bus.maxBytes = 512;
  const known = async (chats: string[]) => {
    await cluster.advance(1_000); // nothing is remembered for longer
    const asked = Promise.resolve(exchange.activity(cluster.workspace, chats));
    await cluster.advance(1_100);
    const { hasAgent, counts } = await asked;
    return { hasAgent, additions: chats.map((id) => counts.get(id)?.map(({ additions }) => additions)) };
  };
  t.same(await known([chat]), { hasAgent: false, additions: [[]] });
  const agent = await new HandAgent(cluster, 0).connect(cluster);
  cluster.watch(nodeOf(cluster, 2));
  await cluster.advance(50);
  agent.say({ type: "chat", chat, roots: [APP] }, updateOf([fileOf("file", "1", { additions: 7 })]));
  await agent.answerRefreshes(cluster);
  t.same(await known([chat, other]), { hasAgent: true, additions: [[7], undefined] });
  const { published } = cluster.net;
  const asked = [1, 2].map(() => exchange.activity(cluster.workspace, [chat]));
  t.equal(cluster.net.published, published + 1, "all who ask in a moment are answered by one question");
  await cluster.advance(50);
  t.match(await Promise.all(asked), [{ hasAgent: true }, { hasAgent: true }]);
  const many = Array.from({ length: 250 }, (_, at) =>
    at === 240 ? chat : `11111111-1111-4111-8111-${String(at).padStart(12, "0")}`,
  );
  nodeOf(cluster, 1).bus.maxBytes = 1024 * 1024;
  const { hasAgent, additions } = await known(many);
  t.same([hasAgent, additions[240], additions[0]], [true, [7], undefined]);
  agent.say(
    updateOf([fileOf("file", "1", { path: "x".repeat(300) })], { root: `/${"r".repeat(300)}`, epoch: "epoch-01" }),
  );
  agent.say({ type: "chat", chat, roots: [APP, `/${"r".repeat(300)}`] });
  t.same(await known([chat]), { hasAgent: true, additions: [[]] }, "what one message has no room for is left out");
  nodeOf(cluster, 1).bus.cut();
  t.same(await known([chat]), { hasAgent: false, additions: [[]] }, "what is known here, while nobody can be reached");
});
