import { mock } from "node:test";
import t from "tap";
import type { RelayMessage } from "../../../src/protocol/index.js";
import type { AgentReport, Hosted, Welcomed } from "../../../src/relay/exchange/index.js";
import { QuestionError } from "../../../src/relay/hub/index.js";
import { SqliteStore } from "../../../src/relay/store/index.js";
import { FakeClock } from "../../support/fake-clock.js";
import { Random } from "../../support/random.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { fileOf } from "../support/fake-agent.js";
import { APP, SCANNED_AT, updateOf } from "../support/states.js";
import { Cluster, type Node } from "./support/cluster.js";

mock.timers.enable({ apis: ["setTimeout", "setInterval"] }); // of hubs: the cluster's own clock goes by hand
t.teardown(() => mock.timers.reset());

function clusterOf(t: Cleanup, { skewsMs = [0, 0, 0] }: { skewsMs?: number[] } = {}): Cluster {
  const store = new SqliteStore(tempDir(t));
  const cluster = new Cluster(store, new FakeClock(), new Random(7), skewsMs);
  t.teardown(async () => {
    await cluster.close();
    await store.close();
  });
  return cluster;
}

/** An agent by hand at one relay. */
class Agent {
  readonly sent: RelayMessage[] = [];
  /** What was sent besides refreshes, before those were answered. */
  readonly #others: RelayMessage[] = [];
  replaced = 0;
  readonly #node: Node;
  readonly #workspace: ReturnType<Node["hub"]["workspace"]>;
  #hosted: Hosted | undefined;

  constructor(cluster: Cluster, at: number) {
    this.#node = nodeOf(cluster, at);
    this.#workspace = this.#node.hub.workspace(cluster.workspace);
  }

  async connect(cluster: Cluster, welcomed: Partial<Welcomed> = {}): Promise<this> {
    const link = { send: (message: RelayMessage) => this.sent.push(message), refuse: () => undefined };
    const replaced = () => {
      this.replaced += 1;
    };
    const hosting = this.#node.exchange.host(this.#workspace, { link, replaced });
    await cluster.advance(20);
    this.#hosted = await hosting;
    const { secrets, compares = true } = welcomed;
    this.#workspace.attach(this.#hosted.local, secrets, compares);
    this.#workspace.resume();
    this.#hosted.welcomed({ secrets, compares });
    await cluster.advance(20);
    return this;
  }

  say(...messages: AgentReport[]): void {
    if (this.#hosted === undefined) throw new Error("it is connected");
    for (const message of messages) {
      this.#workspace.receive(this.#hosted.local, message);
      this.#hosted.said(message);
    }
  }

  /** Answers every refresh that is asked, also those that come of the answers. */
  async answerRefreshes(cluster: Cluster): Promise<void> {
    for (let round = 0; round < 8; round += 1) {
      await cluster.advance(50);
      for (const message of this.sent.splice(0)) {
        if (message.type === "refresh") this.say({ type: "refreshed", id: message.id, scanned_at: SCANNED_AT });
        else this.#others.push(message);
      }
    }
  }

  lose(): void {
    if (this.#hosted === undefined) throw new Error("it is connected");
    this.#workspace.detach(this.#hosted.local, "timeout");
    this.#hosted.ended("timeout");
  }

  typesOf(...types: RelayMessage["type"][]): string[] {
    return this.all.flatMap(({ type }) => (types.includes(type) ? type : []));
  }

  get all(): RelayMessage[] {
    return [...this.#others, ...this.sent];
  }
}

function nodeOf(cluster: Cluster, at: number): Node {
  const node = cluster.nodes[at];
  if (node === undefined) throw new Error(`there is no relay ${at}`);
  return node;
}

t.test("the state of an agent is known at every relay, without anything being stored", async (t) => {
  const cluster = clusterOf(t);
  const stateAt = async (at: number) => {
    const asked = Promise.resolve(nodeOf(cluster, at).exchange.agentState(cluster.workspace));
    await cluster.advance(20);
    return asked;
  };
  t.same([await stateAt(0), await stateAt(1)], ["disconnected", "disconnected"]);
  const agent = await new Agent(cluster, 0).connect(cluster);
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
  const agent = await new Agent(cluster, 0).connect(cluster);
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
  const agent = await new Agent(cluster, 0).connect(cluster);
  cluster.watch(nodeOf(cluster, 1));
  await cluster.advance(25_000);
  t.same(agent.typesOf("watch", "unwatch"), ["watch"], "it says now and then that it is there");
  nodeOf(cluster, 1).bus.cut();
  await cluster.advance(45_000);
  t.same(agent.typesOf("watch", "unwatch"), ["watch", "unwatch"]);
});

t.test("refreshes of all relays that come together cost the agent two at most", async (t) => {
  const cluster = clusterOf(t);
  const agent = await new Agent(cluster, 0).connect(cluster);
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
    const agent = await new Agent(cluster, 0).connect(cluster);
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
    const agent = new Agent(cluster, 0);
    t.equal(await ask(), "no-agent");
    await cluster.advance(1_000);
    await agent.connect(cluster);
    const said = { kind: "failure" as const, why: "not-found" as const, message: "no such tree" };
    const say = (data: string) => (id: number) => agent.say({ type: "answer", id, data, more: false });
    t.same(await ask(say(JSON.stringify(said))), said);
    t.equal(await ask(say("{}")), "no-answer");
    await new Agent(cluster, 0).connect(cluster, { compares: false });
    t.equal(await ask(), "old-agent");
  },
);

t.test("an agent that goes to another relay takes its viewers along, and the one before hears 4001", async (t) => {
  const cluster = clusterOf(t, { skewsMs: [60_000, 0, 0] });
  const [chat = ""] = cluster.chats;
  const first = await new Agent(cluster, 0).connect(cluster);
  const clients = [0, 1, 2].map((at) => cluster.watch(nodeOf(cluster, at)));
  await cluster.advance(50);
  first.say({ type: "chat", chat, roots: [APP] }, updateOf([fileOf("file", "1")]));
  await first.answerRefreshes(cluster);
  const second = await new Agent(cluster, 1).connect(cluster);
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
    const away = await new Agent(cluster, 0).connect(cluster);
    const client = cluster.watch(nodeOf(cluster, 1));
    await cluster.advance(50);
    away.say({ type: "chat", chat, roots: [APP] }, updateOf([fileOf("file", "1")]));
    await away.answerRefreshes(cluster);
    away.lose();
    await cluster.advance(20);
    t.match(client.messages, [/agent is timeout/]);
    const stopping = await new Agent(cluster, 0).connect(cluster);
    await cluster.advance(50);
    await stopping.answerRefreshes(cluster);
    nodeOf(cluster, 0).exchange.drain();
    await cluster.advance(50);
    stopping.lose();
    await cluster.advance(5_000);
    const back = await new Agent(cluster, 2).connect(cluster);
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
    const agent = await new Agent(cluster, 0).connect(cluster, { secrets: "send" });
    const client = cluster.watch(nodeOf(cluster, 1));
    await cluster.advance(50);
    agent.say({ type: "chat", chat, roots: [APP] }, updateOf([fileOf("file", "1")]));
    await agent.answerRefreshes(cluster);
    const workspace = nodeOf(cluster, 1).hub.workspace(cluster.workspace);
    t.ok(workspace.state(APP));
    await nodeOf(cluster, 0).kill();
    await cluster.advance(7_000);
    t.match(client.messages, [/agent is disconnected/]);
    const next = await new Agent(cluster, 2).connect(cluster, { secrets: "withhold", compares: false });
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
  const agent = await new Agent(cluster, 0).connect(cluster);
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
