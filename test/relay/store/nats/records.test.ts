// What relays share at NATS, where NATS loses what it tells, does not answer, or is written by two at once.
import { randomUUID } from "node:crypto";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import t from "tap";
import { z } from "zod";
import { connectNats } from "../../../../src/relay/nats-connection.js";
import { StoreUnavailableError } from "../../../../src/relay/store/index.js";
import { ChangeFeed } from "../../../../src/relay/store/nats/change-feed.js";
import { initCluster } from "../../../../src/relay/store/nats/cluster.js";
import { NatsLink } from "../../../../src/relay/store/nats/nats-link.js";
import { NatsStore } from "../../../../src/relay/store/nats/nats-store.js";
import { type BatchMessage, RecordStream } from "../../../../src/relay/store/nats/record-stream.js";
import { CHANGE_PREFIX, RECORD_STREAM } from "../../../../src/relay/store/nats/streams.js";
import { recordSubjects } from "../../../../src/relay/store/nats/subjects.js";
import { RecordWriter } from "../../../../src/relay/store/nats/transaction.js";
import { systemClock } from "../../../../src/util/index.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { NatsServer, withoutNats } from "../../../support/nats-server.js";
import { type Cleanup, tempDir } from "../../../support/temp.js";
import { until } from "../../../support/until.js";

const skip = withoutNats;
const PATIENCE_MS = 20_000;
const numberSchema = z.object({ number: z.int() });
const idOf = (token: string) => token.split("_")[1] ?? "";
const isUnavailable = (thrown: unknown): boolean => thrown instanceof StoreUnavailableError;

async function connected(t: Cleanup, server: NatsServer): Promise<NatsConnection> {
  const connection = await connectNats({ servers: [server.url] }, { name: "a test", inbox: `_INBOX_${randomUUID()}` });
  t.teardown(() => connection.close());
  return connection;
}

async function start(t: Cleanup) {
  const server = await NatsServer.start(t, tempDir(t));
  const connection = await connected(t, server);
  await initCluster(connection, 1);
  const open = async (patienceMs = PATIENCE_MS) => {
    const records = await NatsStore.open({ servers: [server.url], patienceMs });
    t.teardown(() => records.close());
    return records;
  };
  const link = (of = connection) => NatsLink.over(of, { clock: systemClock, patienceMs: PATIENCE_MS });
  const stream = async (of = connection) => new RecordStream(await link(of));
  return { server, connection, open, link, stream };
}

/** A connection of which some part is another one. */
function altered(connection: NatsConnection, part: Partial<NatsConnection>): NatsConnection {
  return new Proxy(connection, {
    get: (target, name) => {
      const value: unknown = Reflect.get({ ...part }, name) ?? Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const write = (subject: string, value: object, expected?: number): BatchMessage => {
  return { kind: "write", subject, value, expected };
};

t.test("a cluster that is there already is left as it is, with what is in it", { skip }, async (t) => {
  const { connection, open } = await start(t);
  const records = await open();
  const token = await records.tokens.create({ kind: "client", user: "alice" });
  await initCluster(connection, 1);
  t.match(await (await open()).tokens.verify(token), { user: "alice" });
});

t.test("a stream that takes no batches is refused, and put right", { skip }, async (t) => {
  const { connection, open } = await start(t);
  const { streams } = await jetstreamManager(connection);
  await streams.delete(RECORD_STREAM);
  await streams.add({ name: RECORD_STREAM, subjects: ["rec.>"] });
  await t.rejects(open(), { code: "TW_NO_CLUSTER" });
  await initCluster(connection, 1);
  await (await open()).check();
});

t.test("a batch is written whole or not at all, also for what it does not write", { skip }, async (t) => {
  const stream = await (await start(t)).stream();
  t.same(await stream.commit([write("rec.a", { number: 1 }, 0), write("rec.b", { number: 1 }, 0)]), {
    first: 1,
    last: 2,
  });
  for (const refused of [
    [write("rec.c", {}), write("rec.b", {}, 1)],
    [write("rec.c", {}), write("rec.b", {}, 1), write("rec.d", {})],
    [write("rec.c", {}), { kind: "guard", subject: "rec.a", expected: 2 }],
    [write("rec.c", {}), { kind: "guard", subject: "rec.a", expected: 0 }],
    [write("rec.c", {}, 7)],
  ] satisfies BatchMessage[][]) {
    t.equal(await stream.commit(refused), "conflict", JSON.stringify(refused));
  }
  t.same(await stream.get("rec.c"), { revision: 0, value: null });
  t.same(await stream.lastSequence(), 2);
  t.match(await stream.commit([write("rec.c", {}), { kind: "guard", subject: "rec.a", expected: 1 }]), { first: 3 });
});

t.test("a batch whose answer was lost is written once", { skip }, async (t) => {
  const { connection, stream } = await start(t);
  let lost = 2;
  const losing = altered(connection, {
    request: async (subject, data, options) => {
      const answer = await connection.request(subject, data, options);
      if (!subject.startsWith("rec.") || lost === 0) return answer;
      lost -= 1;
      throw new Error("it was lost");
    },
  });
  const beside = await stream(losing);
  t.same(await beside.commit([write("rec.a", {}, 0), write("rec.b", {})]), { first: 1, last: 2 });
  lost = 1;
  t.same(await beside.commit([write("rec.c", {})]), { first: 3, last: 3 }, "although nothing was expected");
  lost = 1;
  t.equal(await beside.commit([write("rec.a", {}, 7), write("rec.b", {})]).catch(isUnavailable), true, "nobody knows");
  t.equal(await beside.lastSequence(), 3);
});

t.test("what two do at once is as if one had been first", { skip }, async (t) => {
  const { stream } = await start(t);
  const writers = await Promise.all(
    [1, 2].map(async () => {
      return new RecordWriter(await stream(), { clock: systemClock, patienceMs: PATIENCE_MS, wrote: async () => {} });
    }),
  );
  const addTo = (writer: RecordWriter | undefined) =>
    writer?.write(async (transaction) => {
      const { number } = (await transaction.get("rec.sum", numberSchema)) ?? { number: 0 };
      transaction.put("rec.sum", { number: number + 1 });
    });
  await Promise.all(Array.from({ length: 10 }, (_, at) => addTo(writers[at % 2])));
  t.match((await (await stream()).get("rec.sum")).value, { number: 10 });

  // each writes what the other has read
  const takeUnless = (writer: RecordWriter | undefined, own: string, other: string) =>
    writer?.write(async (transaction) => {
      if ((await transaction.get(other, numberSchema)) !== undefined) return false;
      transaction.put(own, { number: 1 });
      return true;
    });
  for (let round = 0; round < 10; round += 1) {
    const [one, two] = [`rec.one.${round}`, `rec.two.${round}`];
    const taken = await Promise.all([takeUnless(writers[0], one, two), takeUnless(writers[1], two, one)]);
    t.equal(taken.filter(Boolean).length, 1);
  }
});

/** A feed that a test makes deaf for a while. */
async function startFeed(t: Cleanup) {
  const { server, connection, link, stream } = await start(t);
  let isDeaf = false;
  const deaf = altered(connection, {
    subscribe: (subject, options = {}) =>
      connection.subscribe(subject, {
        ...options,
        callback: (error, message) => {
          if (!isDeaf) options.callback?.(error, message);
        },
      }),
  });
  const clock = new FakeClock();
  const forgotten: string[] = [];
  const records = await stream();
  const feed = await ChangeFeed.open(await link(deaf), records, { clock, forget: (token) => forgotten.push(token) });
  t.teardown(() => feed.close());
  const change = (id: string) => records.commit([write(recordSubjects.token(id), {})]);
  const heardOf = async (id: string) => {
    await change(id);
    await until("it is heard", () => forgotten.includes(id));
  };
  /** What is told while a job is done is lost. */
  const deafWhile = async (job: () => Promise<unknown>) => {
    await connection.flush();
    isDeaf = true;
    await job();
    await connection.flush();
    isDeaf = false;
  };
  const findByAsking = async () => {
    const version = feed.version();
    await until("it has asked", async () => {
      await clock.advance(1_000);
      return feed.version() !== version;
    });
  };
  return { server, connection, feed, forgotten, change, heardOf, deafWhile, findByAsking };
}

t.test("a change that nobody heard of is found by the next one, or by asking", { skip }, async (t) => {
  const { feed, forgotten, change, heardOf, deafWhile, findByAsking } = await startFeed(t);
  await heardOf("a");
  t.same(feed.take(), { tokens: new Set(["a"]), chats: new Set() });
  await deafWhile(() => change("b"));
  await heardOf("c");
  t.same([feed.take(), forgotten], ["all", ["a", "all", "c"]]);
  t.same(feed.take(), { tokens: new Set(), chats: new Set() });
  await deafWhile(() => change("d"));
  await findByAsking();
  t.equal(feed.take(), "all");
});

t.test("a change without a number is nothing, and a stream that was made anew is followed", { skip }, async (t) => {
  const { server, connection, feed, forgotten, change, heardOf, deafWhile, findByAsking } = await startFeed(t);
  const makeAnew = async () => {
    await (await jetstreamManager(connection)).streams.delete(RECORD_STREAM);
    await initCluster(connection, 1);
  };
  await heardOf("a");
  const beside = await connected(t, server);
  beside.publish(`${CHANGE_PREFIX}.token.x`);
  await beside.flush();
  await deafWhile(() => change("b"));
  await heardOf("c");
  t.same([feed.take(), forgotten], ["all", ["a", "all", "c"]]);

  await makeAnew();
  await heardOf("d");
  t.equal(feed.take(), "all");
  await heardOf("e");
  t.same(feed.take(), { tokens: new Set(["e"]), chats: new Set() });

  await makeAnew();
  await findByAsking();
  t.equal(feed.take(), "all", "also when nothing is told");
});

t.test("while NATS is away nobody is told that there is nothing, and who was known stays so", { skip }, async (t) => {
  const { server, open } = await start(t);
  const records = await open(0);
  const known = await records.tokens.create({ kind: "client", user: "alice" });
  const other = await records.tokens.create({ kind: "client", user: "bob" });
  const chat = randomUUID();
  await records.chats.bind({ chat, workspace: randomUUID() });
  await until("it is believed", async () => {
    await records.tokens.verify(known);
    return records.tokens.isLive(idOf(known)) === true; // at once
  });
  await server.kill();
  await until("that is known", () => {
    try {
      records.version();
      return false;
    } catch (thrown) {
      return isUnavailable(thrown);
    }
  });
  t.match(await records.tokens.verify(known), { user: "alice" });
  for (const asked of [
    () => records.tokens.verify(other),
    () => records.tokens.isLive(idOf(other)),
    () => records.tokens.create({ kind: "client", user: "x" }),
    () => records.chats.get(chat),
    () => records.chats.list(),
    () => records.invites.join("A".repeat(22)),
    () => records.check(),
  ]) {
    t.equal(await (asked() as Promise<unknown>).catch(isUnavailable), true, String(asked));
  }
  t.throws(() => records.changes(), { message: "the store is failing" });
  await server.restart();
  const back = await until("it is back", () => records.tokens.verify(other).catch(() => undefined));
  t.match(back, { user: "bob" });
  t.equal(await until("it listens", () => attempt(() => records.changes())), "all", "what was missed is not known");
});

t.test("a token that another relay revokes is not believed any more", { skip }, async (t) => {
  const { open } = await start(t);
  const [here, beside] = [await open(), await open()];
  const token = await here.tokens.create({ kind: "client", user: "alice" });
  const session = await here.tokens.create({ kind: "client", user: "alice", isSession: true, parent: idOf(token) });
  await until("it is believed", async () => {
    t.match(await beside.tokens.verify(session), { user: "alice" });
    return beside.tokens.isLive(idOf(session)) === true; // at once
  });
  await here.tokens.revoke(idOf(token));
  t.same([await here.tokens.isLive(idOf(session)), await here.tokens.verify(session)], [false, undefined]);
  await until("it is heard", async () => !(await beside.tokens.isLive(idOf(session))));
  t.equal(await beside.tokens.verify(session), undefined);
});

t.test("more chats than one batch takes are archived with their root, and so are late ones", { skip }, async (t) => {
  const { open, stream } = await start(t);
  const [here, beside] = [await open(), await open()];
  const workspace = randomUUID();
  const [root, middle, late] = [randomUUID(), randomUUID(), randomUUID()];
  await here.chats.bind({ chat: root, workspace, owner: "alice" });
  await here.chats.bind({ chat: middle, workspace, parent: root });
  const raw = await stream();
  const { value } = await raw.get(recordSubjects.chat(middle));
  const leaves = Array.from({ length: 1_200 }, () => randomUUID());
  await raw.commit([
    write(recordSubjects.chat(middle), { ...z.looseObject({}).parse(value), children: leaves.length }),
  ]);
  for (const part of [leaves.slice(0, 400), leaves.slice(400, 800), leaves.slice(800)]) {
    await raw.commit(
      part.flatMap((id) => [
        write(recordSubjects.chat(id), { ...z.looseObject({}).parse(value), id, parent: middle }),
        write(recordSubjects.child(middle, id), {}),
      ]),
    );
  }
  await Promise.all([
    here.chats.update(root, { archived: true, title: "over" }),
    beside.chats.bind({ chat: late, workspace, parent: middle }),
  ]);
  const chats = await here.chats.list();
  t.same([chats.length, chats.filter(({ archived }) => !archived).length], [1_203, 0]);
  t.match(await beside.chats.get(root), { title: "over", archived: true });
  t.match(await here.chats.get(late), { archived: true, parent: middle });
});

/** @returns `undefined`: not yet */
function attempt<T>(job: () => T): T | undefined {
  try {
    return job();
  } catch {
    return undefined;
  }
}
