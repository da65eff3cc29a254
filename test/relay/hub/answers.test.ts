import t from "tap";
import type { Cleanup } from "../../support/temp.js";
import { until } from "../../support/until.js";
import { DeltaClient, WatchClient } from "../../support/watch-client.js";
import { type FakeAgent, fileOf } from "../support/fake-agent.js";
import { TestRelay } from "../support/relay.js";

const APP = "/home/me/app";

type Client = WatchClient | DeltaClient;
type Message = Client["messages"][number];

type Open = (t: Cleanup, relay: TestRelay, query?: string) => Promise<Client>;

const openGit: Open = (t, relay, query = "") =>
  WatchClient.open(t, relay.watchUrl() + query, { token: relay.clientToken });
const openDelta: Open = (t, relay, query = "") =>
  DeltaClient.open(t, relay.watchUrl() + query, { token: relay.clientToken });

/** The message that answers a refresh. */
function answerTo(client: Client, id: string): Promise<Message> {
  return until(`the answer to ${id}`, () => client.messages.find((message) => namesOf(message).includes(id)), {
    seen: () => client.messages,
  });
}

function namesOf(message: Message): string[] {
  return ("answers" in message ? message.answers : undefined) ?? [];
}

/** Waits until the relay has taken in what a client sent, which may be several turns of its event loop. */
async function untilTakenIn(client: Client): Promise<void> {
  const errors = () => client.messages.filter(({ type }) => type === "error").length;
  const before = errors();
  client.send(JSON.stringify({ type: "no type of ours" }));
  await until("the message behind is answered", () => errors() > before, { seen: () => client.messages });
}

/** Waits until a client has everything from before. */
function untilUpToDate(client: Client): Promise<Message> {
  const isWhole = ({ type }: Message) => type === "checked" || type === "changes";
  return until("it is up to date", () => client.messages.find(isWhole), { seen: () => client.messages });
}

/** What a client shows of the tree. */
function shownBy(client: Client): string {
  if (client instanceof WatchClient) return client.repositories.get(APP)?.unified_diff ?? "";
  return (
    client.assembler.trees
      .get(APP)
      ?.files.map(({ hunks }) => hunks)
      .join("") ?? ""
  );
}

async function watched(t: Cleanup, open: Open): Promise<[TestRelay, FakeAgent, Client]> {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  agent.tell(APP, []);
  const client = await open(t, relay);
  await untilUpToDate(client);
  return [relay, agent, client];
}

for (const [protocol, open] of Object.entries({ "git stream": openGit, "delta stream": openDelta })) {
  t.test(`${protocol}: the frame that answers names the refreshes, and an event's frame names none`, async (t) => {
    const [, agent, client] = await watched(t, open);
    agent.answersRefresh = false;
    const asked = agent.all("refresh").length;
    client.refresh("first");
    const { id } = await agent.next("refresh", asked + 1);
    agent.tell(APP, [fileOf("x", "an event")]);
    await until("the event's frame", () => shownBy(client).includes("an event"), { seen: () => client.messages });
    t.strictSame(client.messages.flatMap(namesOf), []);
    client.refresh("second");
    client.refresh("third");
    client.refresh("x".repeat(64));
    await untilTakenIn(client);
    agent.send({ type: "refreshed", id, scanned_at: "2026-03-05T10:11:12.345Z" });
    await answerTo(client, "first");
    agent.tell(APP, [fileOf("x", "before the second")]);
    agent.answersRefresh = true;
    const { id: next } = await agent.next("refresh", asked + 2);
    agent.send({ type: "refreshed", id: next, scanned_at: "2026-03-05T10:11:12.345Z" });
    await answerTo(client, "third");
    t.match(shownBy(client), "before the second");
    const longest = await answerTo(client, "x".repeat(64));
    t.strictSame(namesOf(longest), ["third", "x".repeat(64)], "what waited for a frame is answered by one");
    t.strictSame(client.messages.flatMap(namesOf), ["first", "second", "third", "x".repeat(64)]);
  });

  t.test(`${protocol}: an id that is none, or is too long, is no refresh`, async (t) => {
    const [, agent, client] = await watched(t, open);
    const asked = agent.all("refresh").length;
    for (const id of [1, null, ["a"], "x".repeat(65)]) client.send(JSON.stringify({ type: "refresh", id }));
    client.refresh("");
    await answerTo(client, "");
    t.strictSame(
      client.messages.filter(({ type }) => type === "error"),
      Array(4).fill({ type: "error", message: "unknown message type" }),
    );
    t.equal(agent.all("refresh").length, asked + 1);
  });

  t.test(`${protocol}: without an id each refresh has a frame of its own, which names none`, async (t) => {
    const [, , client] = await watched(t, open);
    const before = client.messages.length;
    for (let count = 0; count < 3; count += 1) client.refresh();
    await until("three frames", () => client.messages.length === before + 3, { seen: () => client.messages });
    client.refresh("last");
    t.notOk(client.messages.some((message) => "answers" in message));
    await answerTo(client, "last");
  });

  t.test(`${protocol}: when the agent is lost or away, the error that says so is the answer`, async (t) => {
    const [, agent, client] = await watched(t, open);
    agent.answersRefresh = false;
    const asked = agent.all("refresh").length;
    client.refresh("lost");
    client.refresh("queued behind it");
    await agent.next("refresh", asked + 1);
    await untilTakenIn(client);
    const errors = client.messages.filter(({ type }) => type === "error").length;
    agent.vanish();
    const lost = await answerTo(client, "lost");
    const message = "the workspace's agent is disconnected; what was shown stands until it is back";
    t.strictSame(lost, { type: "error", message, answers: ["lost", "queued behind it"] });
    client.refresh("away");
    t.strictSame(await answerTo(client, "away"), { type: "error", message, answers: ["away"] });
    t.equal(client.messages.filter(({ type }) => type === "error").length, errors + 2);
  });

  t.test(`${protocol}: a refresh that was asked of an agent which another one replaced is answered`, async (t) => {
    const [relay, agent, client] = await watched(t, open);
    agent.answersRefresh = false;
    const asked = agent.all("refresh").length;
    client.refresh("of the former");
    await agent.next("refresh", asked + 1);
    await relay.agent([APP]);
    const answer = await answerTo(client, "of the former");
    t.strictSame(answer, { type: "error", message: "the agent has not answered", answers: ["of the former"] });
  });

  t.test(`${protocol}: a client that is shown stored states is answered as well`, async (t) => {
    const [relay, agent] = await watched(t, open);
    agent.vanish();
    await agent.closed();
    const client = await until("a client is let in", async () => {
      const each = await open(t, relay, "?stale=ok").catch(() => undefined);
      return each;
    });
    const stored = await untilUpToDate(client);
    t.match(stored, { stale: true });
    client.refresh("away");
    t.match(await answerTo(client, "away"), { type: "error", message: /disconnected/ });
    const back = await relay.agent([APP]);
    back.tell(APP, [fileOf("x", "back")]);
    await until("it is shown", () => shownBy(client).includes("back"), { seen: () => client.messages });
    client.refresh("back");
    const answer = await answerTo(client, "back");
    t.notOk("stale" in answer);
  });
}

t.test("git stream: a message in fragments names the refreshes that had passed when it began", async (t) => {
  const [, agent, client] = await watched(t, openGit);
  const lines = "a line of a large file\n".repeat(60_000);
  agent.answersRefresh = false;
  const asked = agent.all("refresh").length;
  client.refresh("large");
  const { id } = await agent.next("refresh", asked + 1);
  agent.change(APP, [{ upserts: [fileOf("x", lines)] }]);
  agent.send({ type: "refreshed", id, scanned_at: "2026-03-05T10:11:12.345Z" });
  await answerTo(client, "large");
  t.ok(shownBy(client).includes(lines));
  t.strictSame(client.messages.flatMap(namesOf), ["large"]);
});
