import t, { type Test } from "tap";
import { until } from "../../support/until.js";
import { FakeAgent, fileOf } from "../support/fake-agent.js";
import { RawConnection } from "../support/raw.js";
import { TestRelay } from "../support/relay.js";
import { APP, updateOf } from "../support/states.js";

const MESSAGES = 500;

/** Its acknowledgement says that everything before it was handled. */
const behind = updateOf([], { root: "/behind" });

const OTHER_WORKSPACE = "99999999-9999-4999-8999-999999999999";

/** A relay with an agent of another workspace, which says something right behind somebody who says a lot. */
async function startBeside(t: Test) {
  const relay = await TestRelay.start(t);
  const other = await relay.agent([], await relay.newAgentToken(OTHER_WORKSPACE));
  /** What came last is the last. */
  const order: string[] = [];
  const listen = (name: string, agent: FakeAgent) => {
    agent.onAck = () => order.push(name);
  };
  listen("other", other);
  return { relay, other, order, listen };
}

t.test("whoever speaks behind an agent of many messages does not wait until all of them are handled", async (t) => {
  const { relay, other, order, listen } = await startBeside(t);
  const agent = await FakeAgent.connect(t, relay.url, relay.agentToken);
  listen("agent", agent);
  const many = Array.from({ length: MESSAGES }, (_, at) => ({ type: "gone", root: `/work/${at}` }) as const);
  agent.sendTogether([...many, behind]);
  other.send(behind);
  await until("both were handled", () => order.length === 2);
  t.same(order, ["other", "agent"]);
});

t.test("nor behind many requests, those that bring no token and name nothing among them", async (t) => {
  const { relay, other, order } = await startBeside(t);
  const connections = Array.from({ length: 48 }, () => new RawConnection(t, relay.url));
  const request = "GET /nothing/here HTTP/1.1\r\nHost: x\r\n\r\n";
  const answers = () => connections.reduce((sum, { text }) => sum + text.split("HTTP/1.1 404 ").length - 1, 0);
  for (const { socket } of connections) socket.write(request);
  await until("all are open", () => answers() === connections.length);
  for (const { socket } of connections) {
    // an answer may come in more than one piece
    socket.on("data", () => {
      if (answers() === 2 * connections.length && !order.includes("requests")) order.push("requests");
    });
    socket.write(request);
  }
  other.send(behind);
  await until("all were answered", () => order.length === 2);
  t.same(order, ["other", "requests"]);
});

t.test("what an agent says before it goes is taken, however much of it has to wait", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  const client = await relay.client();
  await until("it is asked for the chat", () => agent.received.some(({ type }) => type === "watch"));
  const many = Array.from({ length: MESSAGES }, (_, at) => ({ type: "gone", root: `/work/${at}` }) as const);
  agent.sendTogether([...many, updateOf([fileOf("a", "the last word")], { epoch: "epoch-02" })]);
  agent.leave();
  await client.diffWith(APP, "the last word");
  await client.error(/agent/);
});
