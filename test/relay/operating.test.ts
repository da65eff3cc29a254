import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import t from "tap";
import { createToken } from "../../src/relay/index.js";
import { runProgram, startProgram } from "../support/program.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";
import { refusedUpgrade, WatchClient } from "../support/watch-client.js";
import { FakeAgent, fileOf } from "./support/fake-agent.js";
import { TestRelay } from "./support/relay.js";

const APP = "/home/me/app";
const PNG = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");

t.test("alive, and ready until it stops", async (t) => {
  const relay = await TestRelay.start(t);
  for (const [path, status] of [
    ["/healthz", "ok"],
    ["/readyz", "ready"],
  ]) {
    const response = await fetch(relay.url + path);
    t.same([response.status, await response.json()], [200, { status }]);
  }
});

t.test("metrics count sockets, trees, frames, deliveries and drops", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  agent.tell(APP, [fileOf("x", "one")]);
  const client = await relay.client();
  await client.first();
  await refusedUpgrade(t, relay.watchUrl());
  const admin = await createToken(relay.dataDir, { kind: "client", user: "root", admin: true });
  const scrape = (token: string) => fetch(`${relay.url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  const text = await (await scrape(admin)).text();
  const value = (name: string) => Number(new RegExp(`^${name.replace(/[{}"]/g, "\\$&")} (\\S+)$`, "m").exec(text)?.[1]);
  t.equal(value("treewire_watch_sockets"), 1);
  t.equal(value("treewire_tunnels"), 1);
  t.equal(value("treewire_watched_chats"), 1);
  t.equal(value("treewire_trees"), 1);
  t.equal(value('treewire_frames_total{kind="changes"}'), 1);
  t.ok(value('treewire_frame_bytes_total{kind="changes"}') > 200);
  t.equal(value("treewire_delivery_seconds_count"), 1);
  t.equal(value('treewire_drops_total{reason="refused_upgrade"}'), 1);
  t.match(text, "process_resident_memory_bytes");
});

t.test("on the main port metrics are for admins alone, from the machine itself as well", async (t) => {
  const relay = await TestRelay.start(t);
  const admin = await createToken(relay.dataDir, { kind: "client", user: "root", admin: true });
  const asked = async (headers: Record<string, string>) => (await fetch(`${relay.url}/metrics`, { headers })).status;
  t.equal(await asked({}), 401, "what a proxy on the machine hands on looks just like this");
  t.equal(await asked({ authorization: `Bearer ${relay.clientToken}` }), 403);
  t.equal(await asked({ authorization: `Bearer ${relay.agentToken}` }), 401);
  t.equal(await asked({ authorization: `Bearer ${admin}` }), 200);
});

t.test("SIGTERM lets an upload end, while new requests are turned away", async (t) => {
  const relay = await TestRelay.start(t);
  const { port, hostname } = new URL(relay.url);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  const organization = "33333333-3333-4333-8333-333333333333";
  socket.write(
    `POST /chats/files?organization=${organization} HTTP/1.1\r\nHost: x\r\nCoder-Session-Token: ${relay.clientToken}\r\nContent-Type: image/png\r\nContent-Length: ${PNG.length}\r\n\r\n`,
  );
  await until("the request is under way", async () => {
    const { status } = await fetch(`${relay.url}/healthz`);
    return status === 200 && socket.bytesWritten > 0;
  });
  socket.write(PNG.subarray(0, 4));
  const stopped = relay.stop();
  socket.write(PNG.subarray(4));
  await once(socket, "close");
  t.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 201 /);
  await stopped;
});

/** A self-signed certificate. */
function certificate(dir: string, name: string): { cert: string; key: string } {
  const cert = join(dir, `${name}.pem`);
  const key = join(dir, `${name}.key`);
  const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"];
  const made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  execFileSync("openssl", ["req", "-x509", ...made, ...subject, "-keyout", key, "-out", cert], { stdio: "ignore" });
  return { cert, key };
}

async function servedName(t: Cleanup, url: string): Promise<string> {
  const socket = connectTls({ port: Number(new URL(url).port), host: "127.0.0.1", rejectUnauthorized: false });
  t.teardown(() => socket.destroy());
  await once(socket, "secureConnect");
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(CN);
}

t.test("TLS: served, and read again on SIGHUP without a connection lost", async (t) => {
  const dir = tempDir(t);
  const first = certificate(dir, "first");
  const second = certificate(dir, "second");
  const cert = join(dir, "cert.pem");
  const key = join(dir, "key.pem");
  copyFileSync(first.cert, cert);
  copyFileSync(first.key, key);
  const args = ["--data-dir", dir, "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key];
  const serve = startProgram(t, "relay", ["serve", ...args]);
  const { url } = JSON.parse(await serve.line("the listening line", () => true));
  t.match(url, /^https:/);
  t.equal(await servedName(t, url), "first");
  copyFileSync(second.cert, cert);
  copyFileSync(second.key, key);
  serve.child.kill("SIGHUP");
  await until("the new certificate is served", async () => (await servedName(t, url)) === "second");
  writeFileSync(cert, "nonsense");
  serve.child.kill("SIGHUP");
  await until("the log says so", () => serve.stderr.includes("the old certificate stays"));
  t.equal(await servedName(t, url), "second");
  t.equal((await serve.stop()).status, 0);
  const broken = await runProgram(t, "relay", ["serve", ...args]);
  t.same([broken.status, broken.stderr.split("\n").length], [2, 2], "one line");
  t.match(broken.stderr, /certificate or key cannot be used/);
});

t.test("a frame over the limit that is set closes with 1009, and a missing hello with 1002", async (t) => {
  const limits = { clientFrameBytes: 100, agentFrameBytes: 5_000, helloTimeoutMs: 50 };
  const relay = await TestRelay.start(t, { limits });
  const agent = await relay.agent([]);
  const client = await relay.client();
  await client.first();
  client.socket.send("x".repeat(101));
  t.equal(await client.closed(), 1009);
  agent.sendText("x".repeat(5_001));
  t.equal(await agent.closed(), 1009);
  const silent = await FakeAgent.connect(t, relay.url, await relay.newAgentToken(), { hello: false });
  t.equal(await silent.closed(), 1002);
});

t.test("what is over a limit is answered with 429 and when to come back", async (t) => {
  const relay = await TestRelay.start(t, { limits: { requestsPerToken: 3, socketsPerToken: 1 } });
  await relay.agent([]);
  const headers = { "coder-session-token": relay.clientToken };
  const get = () => fetch(`${relay.url}/chats/${relay.chat}`, { headers });
  await (await relay.client()).first();
  const sockets = await refusedUpgrade(t, relay.watchUrl(), { headers });
  t.match(sockets, { status: 429, body: { message: "Too many open sockets." }, headers: { "retry-after": /^\d+$/ } });
  t.equal((await get()).status, 200);
  const over = await get();
  t.equal(over.status, 429);
  t.same(await over.json(), { message: "Too many requests." });
  t.match(over.headers.get("retry-after"), /^\d+$/);
  t.match(await refusedUpgrade(t, relay.watchUrl(), { headers }), { status: 429 });
  const other = await createToken(relay.dataDir, { kind: "client", user: "alice" });
  t.equal((await fetch(`${relay.url}/chats/${relay.chat}`, { headers: { "coder-session-token": other } })).status, 200);
});

t.test("who guesses tokens is slowed down, by the address that a trusted proxy tells", async (t) => {
  const relay = await TestRelay.start(t, { limits: { failuresPerAddress: 2 }, trustProxy: ["loopback"] });
  const guess = (address: string) =>
    refusedUpgrade(t, relay.watchUrl(), { headers: { "coder-session-token": "guess", "x-forwarded-for": address } });
  const statuses = [];
  for (let count = 0; count < 4; count += 1) statuses.push((await guess("203.0.113.1")).status);
  t.same(statuses, [401, 401, 401, 429]);
  t.equal((await guess("203.0.113.2")).status, 401, "another address");
});

t.test("a client that sends too fast is held, loses nothing, and keeps nobody waiting", async (t) => {
  const relay = await TestRelay.start(t, { limits: { messagesPerSecond: 50 } });
  const agent = await relay.agent([APP]);
  agent.tell(APP, []);
  const eager = await relay.client();
  const calm = await relay.client();
  await eager.first();
  await calm.first();
  for (let count = 0; count < 120; count += 1) eager.socket.send("{}");
  calm.refresh();
  await calm.changesFrame(2);
  await until("every message is answered", () => eager.errors.length === 120, { seen: () => eager.errors.length });
});

t.test("a client that asks and never reads is not listened to, and gets every answer when it does", async (t) => {
  const relay = await TestRelay.start(t, { limits: { messagesPerSecond: 1e6, clientMessagesPerSecond: 1e6 } });
  const agent = await relay.agent([APP]);
  agent.tell(APP, []);
  const headers = { "coder-session-token": relay.clientToken };
  const deaf = await WatchClient.open(t, relay.watchUrl(), { headers, perMessageDeflate: false });
  await deaf.first();
  deaf.socket.pause();
  agent.tell(APP, [fileOf("x", "x".repeat(3 * 1024 * 1024 - 1000))]); // more than the sockets between them hold
  await agent.next("ack", 2);
  const count = 20_000;
  for (let sent = 0; sent < count; sent += 1) deaf.socket.send('{"type":"nonsense"}');
  await (await relay.client()).first();
  deaf.socket.resume();
  await until("it hears every answer", () => deaf.errors.length === count, { seen: () => deaf.errors.length });
});
