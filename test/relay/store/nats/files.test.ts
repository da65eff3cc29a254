// Bytes of chat files at NATS, where they are more than one message takes, and where an upload comes to nothing.
import { randomBytes, randomUUID } from "node:crypto";
import { jetstreamManager } from "@nats-io/jetstream";
import t from "tap";
import { connectNats } from "../../../../src/relay/nats-connection.js";
import { BlobTooLargeError, PreconditionError, type StagedBlob } from "../../../../src/relay/store/index.js";
import { BlobStream, PIECE_BYTES } from "../../../../src/relay/store/nats/blobs.js";
import { initCluster } from "../../../../src/relay/store/nats/cluster.js";
import { NatsLink } from "../../../../src/relay/store/nats/nats-link.js";
import { NatsStore } from "../../../../src/relay/store/nats/nats-store.js";
import { BLOB_STREAM } from "../../../../src/relay/store/nats/streams.js";
import { systemClock } from "../../../../src/util/index.js";
import { NatsServer, withoutNats } from "../../../support/nats-server.js";
import { type Cleanup, tempDir } from "../../../support/temp.js";

const skip = withoutNats;

async function start(t: Cleanup) {
  const server = await NatsServer.start(t, tempDir(t));
  const connection = await connectNats({ servers: [server.url] }, { name: "a test", inbox: "_INBOX_test" });
  t.teardown(() => connection.close());
  await initCluster(connection, 1);
  const { streams } = await jetstreamManager(connection);
  const open = async () => {
    const records = await NatsStore.open({ servers: [server.url] });
    t.teardown(() => records.close());
    return records;
  };
  return {
    connection,
    here: await open(),
    beside: await open(),
    blobs: new BlobStream(await NatsLink.over(connection, { clock: systemClock, patienceMs: 10_000 })),
    /** How many pieces of whatever there are. */
    pieces: async () => (await streams.info(BLOB_STREAM)).state.messages,
  };
}

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

const entryOf = ({ size, digest }: StagedBlob) => {
  return { organization: "o", owner: "alice", name: "", type: "image/png", size, digest };
};

t.test("a file comes back as it went, whatever the lengths of its chunks", { skip }, async (t) => {
  const { here, beside, pieces } = await start(t);
  for (const { length, chunk } of [
    { length: 0, chunk: 1 },
    { length: PIECE_BYTES, chunk: 60_000 },
    { length: 2 * PIECE_BYTES + 1, chunk: 3 * PIECE_BYTES },
  ]) {
    const bytes = randomBytes(length);
    const blob = await here.files.stage(chunksOf(bytes, chunk), length);
    const entry = await here.files.add(blob, entryOf(blob));
    const read = Buffer.concat((await (await beside.files.read(entry))?.toArray()) ?? []);
    t.ok(read.equals(bytes), `${length} bytes`);
    await blob.discard();
    t.ok(await beside.files.read(entry), "it is kept");
    await beside.files.remove(entry);
    t.equal(await pieces(), 0, "and gone");
  }
});

t.test("of an upload that comes to nothing nothing stays", { skip }, async (t) => {
  const { here, beside, pieces } = await start(t);
  const bytes = randomBytes(PIECE_BYTES + 1);
  const tooLarge = await here.files.stage(chunksOf(bytes, 10_000), PIECE_BYTES).catch((thrown: unknown) => thrown);
  t.ok(tooLarge instanceof BlobTooLargeError);
  t.equal(await pieces(), 0);
  const failing = (async function* () {
    yield bytes;
    throw new Error("it was cut off");
  })();
  await t.rejects(here.files.stage(failing, bytes.length), { message: "it was cut off" });
  t.equal(await pieces(), 0);
  const token = await here.tokens.create({ kind: "client", user: "alice" });
  const by = token.split("_")[1] ?? "";
  const blob = await here.files.stage(chunksOf(bytes, 10_000), bytes.length);
  await beside.tokens.revoke(by);
  const refused = await here.files.add(blob, entryOf(blob), { by }).catch((thrown: unknown) => thrown);
  t.ok(refused instanceof PreconditionError);
  t.equal(await pieces(), 0);
});

t.test(
  "bytes that nobody entered are found when they are old, and those of a file are not taken",
  { skip },
  async (t) => {
    const { connection, here, blobs, pieces } = await start(t);
    const kept = await here.files.stage(chunksOf(randomBytes(10), 10), 10);
    const entry = await here.files.add(kept, entryOf(kept));
    await here.files.stage(chunksOf(randomBytes(10), 10), 10);
    const found = async (ageMs: number) => {
      const ids: string[] = [];
      for await (const id of blobs.olderThan(ageMs)) ids.push(id);
      return ids;
    };
    t.same(await found(3_600_000), []);
    await here.files.sweep();
    t.equal(await pieces(), 2, "they are young");
    const all = await found(-1_000);
    t.equal(all.length, 2);
    t.ok(all.includes(entry.id));
    const asked: string[] = [];
    connection.subscribe("$JS.API.>", { callback: (_, { subject }) => void asked.push(subject) });
    await connection.flush();
    await here.files.sweep();
    await blobs.freeBytes(); // what was asked before it was heard of
    t.equal(asked.filter((subject) => subject.includes(`GET.${BLOB_STREAM}`)).length, 1, "of the file nothing is read");
    t.equal(await pieces(), 2);
  },
);

t.test("what owners use is counted once for each file, however many come and go at once", { skip }, async (t) => {
  const { here, beside } = await start(t);
  const entries = await Promise.all(
    [here, beside, here, beside, here].map(async ({ files }, at) => {
      const blob = await files.stage(chunksOf(randomBytes(5_000 + at), 1_000), 10_000);
      return files.add(blob, entryOf(blob));
    }),
  );
  t.equal(await here.files.usedBy("owner", "alice"), 25_010);
  await Promise.all(
    entries.slice(1).map((entry) => Promise.all([here.files.remove(entry), beside.files.remove(entry)])),
  );
  t.same(await beside.files.totals(), { bytes: 5_000, ofLargestOwner: 5_000 });
  t.equal(await here.files.usedBy("organization", randomUUID()), 0);
});
