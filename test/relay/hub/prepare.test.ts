import { randomUUID } from "node:crypto";
import t from "tap";
import { RelaxedChatRoots } from "../../../src/relay/store/sqlite/relaxed-roots.js";
import { RelaxedTreeStates } from "../../../src/relay/store/sqlite/relaxed-trees.js";
import type { Cleanup } from "../../support/temp.js";
import { until } from "../../support/until.js";
import { refusedUpgrade, WatchClient } from "../../support/watch-client.js";
import { FakeAgent, fileOf } from "../support/fake-agent.js";
import { TestRelay } from "../support/relay.js";

const APP = "/home/me/app";

/** So many turns of the loop does it take to prepare something: who does not wait for it comes too early. */
const TURNS = 500;

type Method = (...args: never[]) => unknown;

/** Puts another method in the place of one, until the test is over. */
function exchangeMethod<T, K extends keyof T>(t: Cleanup, target: T, name: K, make: (before: T[K]) => T[K]): void {
  const before = target[name];
  target[name] = make(before);
  t.teardown(() => {
    target[name] = before;
  });
}

/** Stores of this process take a moment to prepare what they are asked for. @returns what was read, and without that */
function slowToPrepare(t: Cleanup) {
  const prepared = new Set<string>();
  const seen = { reads: new Set<string>(), unprepared: [] as string[], prepared: [] as string[] };
  const prepare = () => async (name: string) => {
    seen.prepared.push(name);
    for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    prepared.add(name);
  };
  /** A read of a workspace's states or a chat's list, which the first argument names. */
  const watched =
    (what: string) =>
    <F extends Method>(before: F): F =>
      function (this: unknown, ...args: never[]) {
        seen.reads.add(`${what} ${args[0]}`);
        if (!prepared.has(args[0] ?? "")) seen.unprepared.push(`${what} ${args[0]}`);
        return before.apply(this, args);
      } as F;
  // the methods of both say that they answer at once
  exchangeMethod(t, RelaxedChatRoots.prototype, "prepare", prepare as never);
  exchangeMethod(t, RelaxedTreeStates.prototype, "prepare", prepare as never);
  for (const name of ["present", "tombstones"] as const) {
    exchangeMethod(t, RelaxedChatRoots.prototype, name, watched(name));
  }
  exchangeMethod(t, RelaxedTreeStates.prototype, "heads", watched("heads"));
  exchangeMethod(t, RelaxedTreeStates.prototype, "load", watched("load"));
  exchangeMethod(t, RelaxedTreeStates.prototype, "has", watched("has"));
  exchangeMethod(t, RelaxedTreeStates.prototype, "rootsOtherThan", watched("rootsOtherThan"));
  return seen;
}

t.test("whatever the hub reads of the store was prepared before an agent or a client came to it", async (t) => {
  const { reads, unprepared } = slowToPrepare(t);
  const relay = await TestRelay.start(t);
  const { workspace, chat } = relay;
  const other = randomUUID();
  const otherToken = await relay.newAgentToken(other);
  const otherChat = await relay.bind({ chat: randomUUID(), workspace: other });

  // an agent, and a client that is told what the chat had before
  const agent = await relay.agent([APP]);
  agent.tell(APP, [fileOf("x", "one")]);
  const client = await relay.client();
  await client.first();
  t.ok(reads.has(`heads ${workspace}`) && reads.has(`rootsOtherThan ${workspace}`), "the agent's welcome");
  t.ok(reads.has(`tombstones ${chat}`), "the client's first frame");

  // its last states, by a client that takes them
  agent.vanish();
  const headers = { "coder-session-token": relay.clientToken };
  await until("the agent is away", () => client.errors.length > 0);
  const stale = await WatchClient.open(t, `${relay.watchUrl()}?stale=ok`, { headers });
  await stale.first();
  t.ok(reads.has(`present ${chat}`), "what the chat shows while the agent is away");
  const unseen = await relay.bind({ chat: randomUUID() });
  await refusedUpgrade(t, `${relay.watchUrl(unseen)}?stale=ok`, { headers });
  t.ok(reads.has(`present ${unseen}`), "and a chat that shows nothing yet");

  // a chat that is bound to another workspace whose agent is away, and has never been here
  const elsewhere = await FakeAgent.connect(t, relay.url, otherToken, { rootsOf: () => [APP] });
  elsewhere.tell(APP, [fileOf("x", "elsewhere")]);
  await (await relay.client(otherChat)).first();
  const third = randomUUID();
  await relay.newAgentToken(third);
  await relay.bind({ workspace: third });
  await until("its states are looked for", () => [...reads].some((read) => read === `has ${third}`), {
    seen: () => [...reads],
  });
  t.same(unprepared, []);
});

t.test("the states of a workspace are read for clients only while its agent is away", async (t) => {
  const { prepared } = slowToPrepare(t);
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  agent.tell(APP, [fileOf("x", "one")]);
  const readings = () => prepared.filter((name) => name === relay.workspace).length;
  const before = readings();
  const client = await relay.client();
  await client.first();
  t.equal(readings(), before);
  agent.vanish();
  await until("the agent is away", () => client.errors.length > 0);
  const headers = { "coder-session-token": relay.clientToken };
  await (await WatchClient.open(t, `${relay.watchUrl()}?stale=ok`, { headers })).first();
  t.ok(readings() > before);
});
