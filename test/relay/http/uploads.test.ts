import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import t from "tap";
import { z } from "zod";
import { createToken } from "../../../src/relay/index.js";
import { SqliteStore } from "../../../src/relay/store/index.js";
import type { Cleanup } from "../../support/temp.js";
import { until } from "../../support/until.js";
import { RawConnection } from "../support/raw.js";
import { MODES, TestRelay } from "../support/relay.js";

const MIB = 1024 * 1024;
const PNG = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
const organization: string = randomUUID();

/** An image of so many bytes, unlike any other. */
function image(bytes: number): Buffer {
  return Buffer.concat([PNG, Buffer.from(randomUUID()), Buffer.alloc(bytes)]).subarray(0, bytes);
}

interface Sent {
  status: number;
  body: Partial<Record<"id" | "message" | "detail", string | undefined>>;
  retryAfter: string | null;
}

function uploader(relay: TestRelay, token = relay.clientToken, to = organization) {
  return async (bytes: Buffer, isChunked = false): Promise<Sent> => {
    const body = isChunked ? new Blob([new Uint8Array(bytes)]).stream() : new Uint8Array(bytes);
    const response = await fetch(`${relay.url}/chats/files?organization=${to}`, {
      method: "POST",
      headers: { "coder-session-token": token, "content-type": "image/png" },
      body,
      duplex: "half",
    } as RequestInit);
    const shape = z.object({
      id: z.string().optional(),
      message: z.string().optional(),
      detail: z.string().optional(),
    });
    const retryAfter = response.headers.get("retry-after");
    return { status: response.status, body: shape.parse(await response.json()), retryAfter };
  };
}

function remove(relay: TestRelay, id: string, token = relay.clientToken): Promise<Response> {
  return fetch(`${relay.url}/chats/files/${id}`, { method: "DELETE", headers: { "coder-session-token": token } });
}

/** Bytes below the blob store, staged or not. */
function storedBytes(relay: TestRelay): number {
  const directory = join(relay.dataDir, "files");
  if (!existsSync(directory)) return 0;
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  // one that was listed may have gone since
  const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return files.reduce((sum, { parentPath, name }) => sum + sizeOf(join(parentPath, name)), 0);
}

/** An upload that has begun and does not go on. */
function slow(t: Cleanup, relay: TestRelay, { token = relay.clientToken, length = 1000 as number | "chunked" } = {}) {
  const connection = new RawConnection(t, relay.url);
  const size = length === "chunked" ? "Transfer-Encoding: chunked" : `Content-Length: ${length}`;
  const head = `POST /chats/files?organization=${organization} HTTP/1.1\r\nHost: x\r\nContent-Type: image/png`;
  connection.socket.write(`${head}\r\nCoder-Session-Token: ${token}\r\n${size}\r\n\r\n`);
  if (length === "chunked") connection.socket.write("8\r\n");
  connection.socket.write(PNG);
  return connection;
}

async function underWay(relay: TestRelay): Promise<number> {
  const text = await (await fetch(relay.metricsUrl)).text();
  return Number(/^treewire_uploads (\d+)$/m.exec(text)?.[1]);
}

const metricsListen = { host: "127.0.0.1", port: 0 };

t.test("48 files of 10 MiB at once: no more of them is kept than the owner may have", async (t) => {
  const limits = { ownerFileBytes: 40 * MIB, uploadsPerToken: 100 };
  const relay = await TestRelay.start(t, { limits, metricsListen });
  const upload = uploader(relay);
  const sent = await Promise.all(Array.from({ length: 48 }, () => upload(image(10 * MIB))));
  t.equal(sent.filter(({ status }) => status === 201).length, 4);
  const refused = sent.filter(({ status }) => status === 413);
  t.equal(refused.length, 44);
  t.equal(refused[0]?.body.message, "File quota exceeded.");
  t.match(
    refused[0]?.body.detail,
    /^The files of the owner use \d+ of 41943040 bytes; this one needs 10485760 more\.$/,
  );
  t.equal(storedBytes(relay), 40 * MIB);
  const text = await (await fetch(relay.metricsUrl)).text();
  t.match(text, /^treewire_file_bytes 41943040$/m);
  t.match(text, /^treewire_file_quota_used_ratio 1$/m);
  t.match(text, /^treewire_uploads 0$/m);

  const other = await createToken(relay.dataDir, { kind: "client", user: "bob" });
  t.equal((await uploader(relay, other)(image(10 * MIB))).status, 201, "another owner's budget is another");
  const [first] = sent.flatMap(({ body }) => body.id ?? []);
  t.equal((await remove(relay, first ?? "")).status, 204);
  t.equal((await upload(image(10 * MIB))).status, 201, "what was deleted makes room");
});

t.test("chunked bodies are counted while they come, and small files by what they use up", async (t) => {
  const limits = { ownerFileBytes: 12 * 4096, uploadsPerToken: 100 };
  const relay = await TestRelay.start(t, { limits });
  const upload = uploader(relay);
  t.equal((await upload(image(12 * 4096 + 1), true)).status, 413);
  t.equal(storedBytes(relay), 0, "nothing stays behind");
  const sent = await Promise.all(Array.from({ length: 100 }, () => upload(image(50), true)));
  t.equal(sent.filter(({ status }) => status === 201).length, 12, "an empty row is no free row");
});

t.test("an organization's budget holds for all of its owners, and for nobody else's", async (t) => {
  const relay = await TestRelay.start(t, { limits: { organizationFileBytes: 2 * MIB } });
  const bob = await createToken(relay.dataDir, { kind: "client", user: "bob" });
  t.equal((await uploader(relay)(image(MIB))).status, 201);
  t.equal((await uploader(relay, bob)(image(MIB))).status, 201);
  const over = await uploader(relay, bob)(image(MIB));
  t.equal(over.status, 413);
  t.equal(over.body.detail, "The files of the organization use 2097152 of 2097152 bytes; this one needs 1048576 more.");
  t.equal((await uploader(relay, bob, randomUUID())(image(MIB))).status, 201);
});

t.test("the same bytes count for each owner who has them", async (t) => {
  const relay = await TestRelay.start(t, { limits: { ownerFileBytes: MIB } });
  const bob = await createToken(relay.dataDir, { kind: "client", user: "bob" });
  const bytes = image(MIB);
  for (const token of [relay.clientToken, bob]) {
    t.equal((await uploader(relay, token)(bytes)).status, 201);
    t.equal((await uploader(relay, token)(bytes)).status, 413, "and for each time that one has them");
  }
  t.equal(storedBytes(relay), MIB);
});

t.test("usage is right for files of before, and after a restart", async (t) => {
  const relay = await TestRelay.start(t, { limits: { ownerFileBytes: 3 * MIB } });
  const ids = [await uploader(relay)(image(MIB)), await uploader(relay)(image(MIB))].map(({ body }) => body.id ?? "");
  await remove(relay, ids[0] ?? "");
  await relay.stop();
  const store = new SqliteStore(relay.dataDir);
  t.equal(await store.files.usedBy("owner", "alice"), MIB);
  t.equal(await store.files.usedBy("organization", organization), MIB);
  t.same(await store.files.totals(), { bytes: MIB, ofLargestOwner: MIB });
  await store.close();
});

for (const mode of MODES) {
  t.test(`${mode}: 300 slow uploads: a few of each token's are open, and others upload`, async (t) => {
    const limits = { uploadsPerToken: 4 };
    const relay = await TestRelay.start(t, { mode, limits, metricsListen });
    const connections = Array.from({ length: 300 }, () => slow(t, relay));
    const isWhole = ({ text }: RawConnection) => text.includes('"Too many uploads under way."');
    const refused = () => connections.filter((connection) => connection.status === 429 && isWhole(connection));
    await until("the rest is refused", () => refused().length === 296, { seen: () => refused().length });
    t.match(refused()[0]?.text, /\r\nretry-after: \d+\r\n/i);
    t.equal(await underWay(relay), 4);
    const other = await createToken(relay.dataDir, { kind: "client", user: "bob" });
    t.equal((await uploader(relay, other)(image(50))).status, 201);

    for (const { socket } of connections) socket.resetAndDestroy();
    await until("they count no longer", async () => (await underWay(relay)) === 0);
    t.equal((await uploader(relay)(image(50))).status, 201);
  });

  t.test(`${mode}: uploads of everybody have a limit as well`, async (t) => {
    const limits = { uploads: 3, uploadsPerToken: 2 };
    const relay = await TestRelay.start(t, { mode, limits, metricsListen });
    const bob = await createToken(relay.dataDir, { kind: "client", user: "bob" });
    const held = [slow(t, relay), slow(t, relay), slow(t, relay, { token: bob })];
    await until("they are under way", async () => (await underWay(relay)) === 3);
    const busy = await uploader(relay, bob)(image(50));
    t.match(busy, { status: 503, body: { message: "Too many uploads under way." }, retryAfter: /^\d+$/ });
    t.equal((await fetch(`${relay.url}/healthz`)).status, 200);
    for (const { socket } of held) socket.resetAndDestroy();
    await until("they count no longer", async () => (await underWay(relay)) === 0);
    t.equal((await uploader(relay, bob)(image(50))).status, 201);
  });
}

t.test("uploads that are reset at any moment leave nothing, and count for nothing", async (t) => {
  const relay = await TestRelay.start(t, { limits: { uploadsPerToken: 1000 }, metricsListen });
  for (let count = 0; count < 60; count += 1) {
    const connection = slow(t, relay, { length: count % 2 === 0 ? 1000 : "chunked" });
    // before, while and after the relay has read the head
    for (let turns = 0; turns < count % 6; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    connection.socket.resetAndDestroy();
  }
  await (await fetch(`${relay.url}/healthz`)).text();
  await until("they count no longer", async () => (await underWay(relay)) === 0);
  await until("nothing is left", () => storedBytes(relay) === 0);
  t.equal((await uploader(relay)(image(50))).status, 201);
});

t.test("free space is kept: uploads under way are taken off before it is compared", async (t) => {
  const bound = await TestRelay.start(t, { limits: { minFreeBytes: Number.MAX_SAFE_INTEGER } });
  const full = await uploader(bound)(image(50));
  t.match(full, { status: 507, body: { message: "Insufficient storage." } });
  t.equal(storedBytes(bound), 0);
  t.equal((await fetch(`${bound.url}/readyz`)).status, 200, "the rest goes on");
});

t.test("deleting: one's own, by admins any, in the contract's words", async (t) => {
  const relay = await TestRelay.start(t);
  const upload = async (bytes: Buffer) => (await uploader(relay)(bytes)).body.id ?? "";
  const notFound = { message: "Resource not found or you do not have access to this resource" };
  const bytes = image(5000);
  const [first, second] = [await upload(bytes), await upload(bytes)];
  const mallory = await createToken(relay.dataDir, { kind: "client", user: "mallory" });
  const strange = await remove(relay, first, mallory);
  t.same([strange.status, await strange.json()], [404, notFound]);
  const invalid = await remove(relay, "nonsense");
  t.same([invalid.status, await invalid.json()], [400, { message: "Invalid file ID." }]);
  t.equal((await remove(relay, first, "wrong")).status, 401);

  const gone = await remove(relay, first);
  t.same([gone.status, await gone.text()], [204, ""]);
  t.equal((await remove(relay, first)).status, 404);
  const read = (id: string) =>
    fetch(`${relay.url}/chats/files/${id}`, { headers: { "coder-session-token": relay.clientToken } });
  t.equal((await read(first)).status, 404);
  t.same(Buffer.from(await (await read(second)).arrayBuffer()), bytes, "another file has the same bytes");
  const admin = await createToken(relay.dataDir, { kind: "client", user: "root", admin: true });
  t.equal((await remove(relay, second, admin)).status, 204);
  t.equal(storedBytes(relay), 0, "and with the last one they go");
});

t.test("an upstream is handed the deletion", async (t) => {
  const relay = await TestRelay.start(t, { mode: "upstream" });
  const { body } = await uploader(relay)(image(50));
  t.equal((await remove(relay, body.id ?? "")).status, 204);
  t.equal((await remove(relay, body.id ?? "")).status, 404);
});

t.test("many uploads and deletions of the same bytes at once: who is told of a file can read it", async (t) => {
  const relay = await TestRelay.start(t, { limits: { uploadsPerToken: 1000 } });
  const bytes = image(20_000);
  const upload = uploader(relay);
  const read = async (id: string) => {
    const headers = { "coder-session-token": relay.clientToken };
    const response = await fetch(`${relay.url}/chats/files/${id}`, { headers });
    return response.status === 200 ? (await response.arrayBuffer()).byteLength : response.status;
  };
  let kept = [(await upload(bytes)).body.id ?? ""];
  for (let round = 0; round < 20; round += 1) {
    const deletions = kept.map((id) => remove(relay, id));
    const uploads = [upload(bytes), upload(bytes), upload(bytes)];
    const reads = kept.map(read);
    t.same(new Set((await Promise.all(deletions)).map(({ status }) => status)), new Set([204]));
    for (const seen of await Promise.all(reads)) t.ok(seen === 404 || seen === bytes.length, `${seen}`);
    kept = (await Promise.all(uploads)).map(({ body }) => body.id ?? "");
    for (const id of kept) t.equal(await read(id), bytes.length);
  }
  for (const id of kept) await remove(relay, id);
  t.equal(storedBytes(relay), 0);
});

t.test("a connection that only says it will upload holds its place no longer than a request may take", async (t) => {
  const limits = { uploadsPerToken: 1, requestTimeoutMs: 300, headersTimeoutMs: 300 };
  const relay = await TestRelay.start(t, { limits, metricsListen });
  const { port, hostname } = new URL(relay.url);
  const socket = connect(Number(port), hostname);
  t.teardown(() => socket.destroy());
  socket.on("error", () => undefined);
  const held = slow(t, relay);
  await held.closed();
  t.equal(held.status, 408);
  await until("it counts no longer", async () => (await underWay(relay)) === 0);
  t.equal((await uploader(relay)(image(50))).status, 201);
});
