import t from "tap";
import type { Snapshot } from "../../src/client/index.js";
import { watchInTerminal } from "../../src/client/terminal/index.js";
import { followTrees } from "../../src/client/watch.js";
import { unbindChat } from "../../src/relay/index.js";
import { type Clock, RetryDelay } from "../../src/util/index.js";
import { type FakeAgent, fileOf } from "../relay/support/fake-agent.js";
import { TestRelay } from "../relay/support/relay.js";
import { AnsweringProxy, STRANGERS_ANSWERS } from "../support/answering-proxy.js";
import { BadLink } from "../support/bad-network.js";
import { FakeClock } from "../support/fake-clock.js";
import type { Cleanup } from "../support/temp.js";
import { until } from "../support/until.js";

const APP = "/home/me/app";

interface Parts {
  url: string;
  retryDelay: Pick<RetryDelay, "next">;
  clock?: Clock;
}

/** A client as a test sees it. */
interface Client {
  /** Rejects when it gives up. */
  done: Promise<void>;
  /** Whether it shows a text. */
  shows: (text: string) => boolean;
  /** What it has said went wrong. */
  said: () => string[];
  /** How it gives up. */
  refusal: { code: string } | { name: string };
  /** What it says while the agent is away. */
  away: RegExp;
}

function terminal(t: Cleanup, relay: TestRelay, { url, ...parts }: Parts): Client {
  const stop = new AbortController();
  let text = "";
  let told = "";
  const { chat, clientToken: token } = relay;
  const stdout = { write: (chunk: string) => (text += chunk) };
  const stderr = { write: (chunk: string) => (told += chunk) };
  const common = { json: true, refresh: false, stdout, stderr, signal: stop.signal };
  const done = watchInTerminal({ url, chat, token, ...common }, parts);
  t.teardown(() => {
    stop.abort();
    return done.catch(() => undefined);
  });
  const refusal = { code: "TW_WATCH_REFUSED" };
  const away = /^the workspace's agent is not connected; trying again$/;
  return { done, shows: (wanted) => text.includes(wanted), said: () => told.split("\n").slice(0, -1), refusal, away };
}

function library(t: Cleanup, relay: TestRelay, { url, ...parts }: Parts): Client {
  const stop = new AbortController();
  const said: string[] = [];
  let last: Snapshot | undefined;
  const { chat, clientToken: token } = relay;
  const onError = (message: string) => said.push(message);
  const done = (async () => {
    for await (const snapshot of followTrees({ url, chat, token, signal: stop.signal, onError }, parts))
      last = snapshot;
  })();
  t.teardown(() => {
    stop.abort();
    return done.catch(() => undefined);
  });
  const shows = (wanted: string) => last?.trees.get(APP)?.files.some(({ hunks }) => hunks.includes(wanted)) === true;
  return {
    done,
    shows,
    said: () => said,
    refusal: { name: "WatchEndedError" },
    away: /^HTTP 400: Agent state is "disconnected"/,
  };
}

const CLIENTS = { "the terminal client": terminal, "the library": library };

let edits = 0;
/** Changes the tree, and waits until the client shows it. */
async function isRight(agent: FakeAgent, client: Client): Promise<void> {
  edits += 1;
  const text = `edit ${edits}!`;
  agent.tell(APP, [fileOf("x", text)]);
  await Promise.race([client.done, until(`the client shows ${text}`, () => client.shows(text), { seen: client.said })]);
}

for (const [name, start] of Object.entries(CLIENTS)) {
  t.test(`${name} outlasts whatever answers in the relay's place, from the start and after good service`, async (t) => {
    const relay = await TestRelay.start(t);
    const agent = await relay.agent([APP]);
    agent.tell(APP, []);
    for (const [what, answer] of Object.entries(STRANGERS_ANSWERS)) {
      await t.test(what, async (t) => {
        const proxy = await AnsweringProxy.start(t, relay.url);
        proxy.answer = answer;
        const client = start(t, relay, { url: proxy.url, retryDelay: { next: () => 5 } });
        for (const when of ["at the start", "after good service"]) {
          const before = proxy.answered;
          await Promise.race([client.done, until(`it asks again ${when}`, () => proxy.answered >= before + 3)]);
          proxy.answer = undefined;
          await isRight(agent, client);
          if (when === "at the start") {
            t.equal(client.said().filter((line) => !line.startsWith("connected")).length, 1, "it says why, once");
          }
          proxy.answer = answer;
          proxy.cut();
        }
        if (!answer.startsWith("HTTP/1.1 4")) return;
        const status = answer.slice(9, 12);
        t.match(client.said()[0], `has answered with status ${status}; it is not the relay`);
      });
    }
  });

  t.test(
    `${name} takes the relay's own refusal for final at the start, and after good service in a minute`,
    async (t) => {
      const relay = await TestRelay.start(t);
      const agent = await relay.agent([APP]);
      agent.tell(APP, []);
      const clock = new FakeClock();
      const client = start(t, relay, { url: relay.url, retryDelay: { next: () => 25_000 }, clock });
      await isRight(agent, client);
      let isOver = false;
      client.done.catch(() => {
        isOver = true;
      });
      await unbindChat(relay.dataDir, relay.chat);
      for (const waitMs of [25_000, 25_000, 25_000, 10_000]) {
        // the loss, and three refusals of which the last is asked for at the minute's end
        await until("it waits", () => clock.waiting === 1 && clock.nextMs === waitMs, { seen: () => clock.nextMs });
        t.equal(isOver, false);
        await clock.advance(waitMs);
      }
      await t.rejects(client.done, client.refusal);
      const late = start(t, relay, { url: relay.url, retryDelay: { next: () => 1e9 } });
      await t.rejects(late.done, client.refusal, "who was never served is refused at once");
    },
  );

  t.test(`${name} is back within 15 s of the agent, however long that was away`, async (t) => {
    const relay = await TestRelay.start(t);
    const clock = new FakeClock();
    const worst = new RetryDelay(() => 1 - Number.EPSILON);
    const client = start(t, relay, { url: relay.url, retryDelay: worst, clock });
    const isWaiting = () => until("it waits", () => clock.waiting === 1);
    for (let tries = 0; tries < 10; tries += 1) {
      await isWaiting();
      await clock.advance(clock.nextMs ?? 0);
    }
    await isWaiting();
    t.match(client.said(), [client.away], "it says why, once");
    const agent = await relay.agent([APP]);
    await clock.advance(15_000);
    await isRight(agent, client);
  });

  t.test(`${name} serves on when the relay's own refusal passes`, async (t) => {
    const relay = await TestRelay.start(t);
    const agent = await relay.agent([APP]);
    agent.tell(APP, []);
    const client = start(t, relay, { url: relay.url, retryDelay: { next: () => 5 } });
    await isRight(agent, client);
    await unbindChat(relay.dataDir, relay.chat);
    await until("it is refused", () => client.said().some((line) => line.includes("Chat has no workspace")));
    await relay.bind();
    await isRight(agent, client);
    t.pass("it shows what is new");
  });

  t.test(`${name} tries again within 30 s of a death without a word`, async (t) => {
    const relay = await TestRelay.start(t);
    const agent = await relay.agent([APP]);
    agent.tell(APP, []);
    const link = await BadLink.open(t, Number(new URL(relay.url).port));
    const clock = new FakeClock();
    const client = start(t, relay, { url: `http://127.0.0.1:${link.port}`, retryDelay: { next: () => 5_000 }, clock });
    await isRight(agent, client);
    link.fail("halfOpen");
    link.heal(); // for connections that are new
    const diedAtMs = clock.monotonicMs();
    const isWaiting = () => clock.waiting === 1;
    while (!isWaiting() && clock.monotonicMs() - diedAtMs < 60_000) {
      await clock.advance(1_000);
      // what ends a connection is of the system's time, not of the clock's
      if (clock.monotonicMs() - diedAtMs >= 24_000)
        await until("it gives up", () => isWaiting() || clock.nextMs === 1_000);
    }
    const triesAtMs = clock.monotonicMs() + (clock.nextMs ?? Number.POSITIVE_INFINITY) - diedAtMs;
    t.ok(triesAtMs <= 30_000, `after ${triesAtMs} ms`);
    await clock.advance(clock.nextMs ?? 0);
    await isRight(agent, client);
  });
}
