// Who counts, and what is said of the store, while NATS does not answer.
import { randomBytes, randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { jetstreamManager } from "@nats-io/jetstream";
import t from "tap";
import { StoreUnavailableError } from "../../../../src/relay/store/index.js";
import type { NatsStore } from "../../../../src/relay/store/nats/nats-store.js";
import { BLOB_STREAM } from "../../../../src/relay/store/nats/streams.js";
import { systemClock } from "../../../../src/util/index.js";
import { withoutNats } from "../../../support/nats-server.js";
import { tempDir } from "../../../support/temp.js";
import { until } from "../../../support/until.js";
import { startStores } from "./support.js";

const skip = withoutNats;
const idOf = (token: string) => token.split("_")[1] ?? "";
const isUnavailable = (thrown: unknown): boolean => thrown instanceof StoreUnavailableError;
const MINUTE_MS = 60_000;
const FILE = { organization: "o", owner: "alice", name: "", type: "image/png" };

/** A clock that is set ahead. */
function settableClock() {
  let aheadMs = 0;
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs };
  const ahead = (ms: number) => {
    aheadMs += ms;
  };
  return { clock, ahead };
}

t.test("a known token counts for the grace, unknown ones are neither taken nor refused", { skip }, async (t) => {
  const { server, open } = await startStores(t);
  const { clock, ahead } = settableClock();
  const store = await open({ patienceMs: 0, graceMs: 5 * MINUTE_MS, clock });
  const [known, unknown] = [
    await store.tokens.create({ kind: "client", user: "alice" }),
    await store.tokens.create({ kind: "client", user: "bob" }),
  ];
  const session = await store.tokens.create({ kind: "client", user: "alice", isSession: true, parent: idOf(known) });
  await until("they are believed", async () => {
    await Promise.all([store.tokens.verify(known), store.tokens.verify(session)]);
    return store.tokens.isLive(idOf(known)) === true && store.tokens.isLive(idOf(session)) === true; // at once
  });
  await server.kill();
  await until("that is known", () => store.check().then(never, isUnavailable));
  ahead(2 * MINUTE_MS);
  t.match(await store.tokens.verify(known), { user: "alice" });
  t.match(await store.tokens.verify(session), { user: "alice" }, "and so does what hangs on it");
  t.equal(await store.tokens.isLive(idOf(known)), true);
  t.equal(await store.tokens.verify(`${known.slice(0, -1)}${known.endsWith("A") ? "B" : "A"}`), undefined, "no other");
  t.equal(await store.tokens.verify(unknown).catch(isUnavailable), true);
  ahead(4 * MINUTE_MS);
  t.equal(await store.tokens.verify(known).catch(isUnavailable), true, "the grace is over");
});

t.test("whoever was revoked while a relay could not ask ends there when it can again", { skip }, async (t) => {
  const { server, open } = await startStores(t);
  const { clock, ahead } = settableClock();
  const store = await open({ patienceMs: 0, clock });
  const token = await store.tokens.create({ kind: "client", user: "alice" });
  await until("it is believed", async () => {
    await store.tokens.verify(token);
    return store.tokens.isLive(idOf(token)) === true;
  });
  await server.kill();
  await until("that is known", () => store.check().then(never, isUnavailable));
  ahead(2 * MINUTE_MS);
  t.match(await store.tokens.verify(token), { user: "alice" });
  await server.restart();
  const beside = await open();
  await beside.tokens.revoke(idOf(token));
  await until("it has ended", async () => (await store.tokens.isLive(idOf(token))) === false);
  t.equal(store.changes(), "all", "every socket is looked at");
  const other = await store.tokens.create({ kind: "client", user: "bob" });
  t.match(await store.tokens.verify(other), { user: "bob" });
});

t.test("what was believed while a server said nothing is looked at again when it speaks", { skip }, async (t) => {
  const { server, open } = await startStores(t);
  const { clock, ahead } = settableClock();
  const store = await open({ clock });
  const [token, other] = [
    await store.tokens.create({ kind: "client", user: "alice" }),
    await store.tokens.create({ kind: "client", user: "bob" }),
  ];
  const chat = randomUUID();
  await store.chats.bind({ chat, workspace: randomUUID(), owner: "alice" });
  await until("they are believed", async () => {
    await Promise.all([store.tokens.verify(token), store.chats.get(chat)]);
    return store.tokens.isLive(idOf(token)) === true;
  });
  ahead(2 * MINUTE_MS);
  await server.frozenWhile(async () => {
    t.match(await store.tokens.verify(token), { user: "alice" });
    t.match(await store.chats.get(chat), { owner: "alice" });
  });
  t.not(store.changes(), "all");
  t.match(await store.tokens.verify(other), { user: "bob" });
  t.equal(store.changes(), "all");
});

t.test("a NATS that has no room for a file says so at once, and is well when it has", { skip }, async (t) => {
  const { connection, open } = await startStores(t, tempDir(t), 3_000_000);
  const store = await open();
  const upload = async () => {
    const blob = await store.files.stage(Readable.from([randomBytes(1_000_000)]), 2_000_000);
    await store.files.add(blob, { ...FILE, size: blob.size, digest: blob.digest });
  };
  const refused = await until("it is full", () => upload().then(never, (thrown: unknown) => thrown as Error));
  t.match(refused, { message: "the store is full", trouble: "full" });
  t.match(store.health.state, { kind: "full", detail: /resource/i });
  t.same(await store.chats.list(), [], "it is read as before");
  await (await jetstreamManager(connection)).streams.purge(BLOB_STREAM);
  await until("it is well again", () => store.health.state.kind === "ok");
  await store.tokens.create({ kind: "client", user: "alice" });
});

t.test("that NATS is away is said once it has been for longer than another leader takes", { skip }, async (t) => {
  const { server, open } = await startStores(t);
  const { clock, ahead } = settableClock();
  const store = await open({ clock });
  await store.check();
  await server.kill();
  await store.check();
  store.version();
  t.equal(store.health.state.kind, "ok", "servers come and go");
  await until("it is away", () => {
    ahead(11_000); // again and again: that the connection has ended may not have been heard at first
    return isAway(store);
  });
  await store.check().then(never, isUnavailable);
  t.throws(() => store.version(), { message: "the store is failing" });
  await until("that is noted", () => store.health.state.kind === "failing");
  t.same([...store.health.errors], [["failing", 1]]);
  await server.restart();
  await until("it is well again", () => store.health.state.kind === "ok");
  await store.check();
  store.version();
});

function isAway(store: Pick<NatsStore, "version">): boolean {
  try {
    store.version();
    return false;
  } catch {
    return true;
  }
}

function never(): false {
  return false;
}
