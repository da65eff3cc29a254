import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import Database from "libsql";
import t from "tap";
import { z } from "zod";
import { bindChat, createToken, revokeToken } from "../../src/relay/index.js";
import { runProgram, startProgram } from "../support/program.js";
import { SmallDisk } from "../support/small-disk.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";
import { refusedUpgrade, WatchClient } from "../support/watch-client.js";
import { FakeAgent, fileOf } from "./support/fake-agent.js";
import { RawConnection } from "./support/raw.js";
import { TestRelay } from "./support/relay.js";

const APP = "/home/me/app";
const LIB = "/home/me/lib";
const PNG = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
const bodySchema = z.object({ message: z.string(), detail: z.string().optional() });

/** The relay as a process, and what a test does to it. */
class Served {
  readonly dataDir: string;
  readonly workspace: string = randomUUID();
  readonly chat: string = randomUUID();
  readonly program;
  url = "";
  admin = "";
  agentToken = "";

  private constructor(t: Cleanup, dataDir: string) {
    this.dataDir = dataDir;
    // uploads are to meet the full disk itself, on a disk that is small
    const args = ["serve", "--data-dir", dataDir, "--listen", "127.0.0.1:0", "--min-free-bytes", "1"];
    this.program = startProgram(t, "relay", args);
  }

  static async start(t: Cleanup, dataDir: string): Promise<Served> {
    const served = new Served(t, dataDir);
    served.url = JSON.parse(await served.program.line("the listening line", () => true)).url;
    served.admin = await createToken(dataDir, { kind: "client", user: "root", admin: true });
    served.agentToken = await createToken(dataDir, { kind: "agent", workspace: served.workspace });
    await bindChat(dataDir, { chat: served.chat, workspace: served.workspace, owner: "alice" });
    return served;
  }

  client(t: Cleanup): Promise<WatchClient> {
    const headers = { "coder-session-token": this.admin };
    return WatchClient.open(t, `${this.url}/chats/${this.chat}/git/watch`, { headers });
  }

  async call(method: string, path: string, body?: unknown) {
    const isFile = body instanceof Uint8Array;
    const type = isFile ? "image/png" : "application/json";
    const response = await fetch(this.url + path, {
      method,
      headers: { "coder-session-token": this.admin, ...(body !== undefined && { "content-type": type }) },
      ...(body !== undefined && { body: isFile ? new Blob([body as Uint8Array<ArrayBuffer>]) : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text };
  }

  upload() {
    return this.call(
      "POST",
      `/chats/files?organization=${randomUUID()}`,
      Buffer.concat([PNG, Buffer.from(randomUUID())]),
    );
  }

  async metric(name: string): Promise<number> {
    const { text } = await this.call("GET", "/metrics");
    return Number(new RegExp(`^${name.replace(/[{}"]/g, "\\$&")} (\\S+)$`, "m").exec(text)?.[1] ?? 0);
  }

  /** What the log says of the store. */
  get said(): string[] {
    return this.program.stderr
      .split("\n")
      .slice(0, -1) // it may end amid a line
      .filter((line) => line.includes("the store is"))
      .map((line) => z.object({ msg: z.string() }).parse(JSON.parse(line)).msg);
  }
}

const BEGINS = "the store is in trouble; what is held is served on";
const HEALED = "the store is well again";

const refusal = SmallDisk.refusal;

t.test("a full disk: what is held is served, nothing is acknowledged, and it heals", { skip: refusal }, async (t) => {
  const disk = SmallDisk.mount(t, 4 * 1024 * 1024);
  const served = await Served.start(t, join(disk.path, "data"));
  const roots = [APP];
  const agent = await FakeAgent.connect(t, served.url, served.agentToken, { rootsOf: () => roots });
  agent.tell(APP, [fileOf("x", "before")]);
  const client = await served.client(t);
  await client.first();
  const kept = z.object({ id: z.string() }).parse(JSON.parse((await served.upload()).text)).id;

  disk.fill();
  const refused = async (what: string, answer: ReturnType<Served["call"]>) => {
    const { status, text } = await answer;
    t.ok(status >= 500, `${what}: ${status}`);
    bodySchema.parse(JSON.parse(text));
  };
  await until("the disk is full", async () => {
    disk.fill(); // what SQLite had room for
    return (await served.upload()).status >= 500;
  });
  await refused("an upload", served.upload());
  let last: unknown;
  const write = async () => {
    disk.fill();
    last = await served.call("PUT", `/admin/chats/${randomUUID()}/binding`, { workspace: randomUUID() });
    return (last as { status: number }).status === 503;
  };
  await until("a write fails", write, { deadlineMs: 10_000, seen: () => [last, served.program.stderr.slice(-2_000)] });
  await refused("a token", served.call("POST", "/admin/tokens", { kind: "client", user: "bob" }));
  const ready = await served.call("GET", "/readyz");
  t.equal(ready.status, 503);
  t.match(bodySchema.parse(JSON.parse(ready.text)).detail, /^(full|failing) since /);
  t.match(ready.headers.get("retry-after"), /^\d+$/);
  t.equal((await served.call("GET", "/healthz")).status, 200);
  t.equal(await served.metric("treewire_store_failing"), 1);

  // roots that come and go are written down; nobody waits for it
  for (let count = 1; count <= 20; count += 1) {
    agent.send({ type: "chat", chat: served.chat, roots: count % 2 === 0 ? [APP] : [APP, LIB] });
    agent.tell(APP, [fileOf("x", `edit ${count} on a full disk`)]);
    await client.diffWith(APP, `edit ${count} on a full disk`);
  }
  await (await served.client(t)).diffWith(APP, "edit 20");
  t.equal((await served.call("GET", `/chats/files/${kept}`)).status, 200);
  t.same([agent.closeCode, client.closeCode], [undefined, undefined]);
  t.ok(served.program.running);
  await until("the log says so", () => served.said.includes(BEGINS), { seen: () => served.said });
  t.same(served.said, [BEGINS], "one line, however many writes failed");

  disk.empty();
  await until("the relay is ready again", async () => (await served.call("GET", "/readyz")).status === 200);
  t.equal((await served.upload()).status, 201);
  t.equal((await served.call("POST", "/admin/tokens", { kind: "client", user: "bob" })).status, 201);
  t.equal(await served.metric("treewire_store_failing"), 0);
  t.ok((await served.metric('treewire_store_errors_total{kind="full"}')) > 0);
  await until("the log says so, too", () => served.said.includes(HEALED), { seen: () => served.said });
  t.same(served.said, [BEGINS, HEALED]);
  t.equal((await served.program.stop()).status, 0);

  const db = new Database(join(served.dataDir, "treewire.db"), { readonly: true });
  t.teardown(() => db.close());
  t.match(db.prepare("pragma integrity_check").all(), [{ integrity_check: "ok" }]);
  t.match(db.prepare("select epoch from trees").all(), [{ epoch: String }], "the state was saved after all");
});

/** Another process that has the database locked, until the test lets go. */
async function lockedBy(t: Cleanup, dataDir: string): Promise<() => Promise<void>> {
  const libsql = createRequire(import.meta.url).resolve("libsql");
  const program = `const db = new (require(${JSON.stringify(libsql)}))(process.argv[1]);
    db.exec("begin immediate"); console.log("locked"); process.stdin.on("end", () => process.exit()).resume();`;
  const child = spawn(process.execPath, ["-e", program, join(dataDir, "treewire.db")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.teardown(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return async () => {
    child.stdin.end();
    await once(child, "exit");
  };
}

t.test("a database that another process has locked: nobody waits for it but those who are acknowledged", async (t) => {
  const served = await Served.start(t, join(tempDir(t), "data"));
  const agent = await FakeAgent.connect(t, served.url, served.agentToken, { rootsOf: () => [APP] });
  agent.tell(APP, [fileOf("x", "before")]);
  const client = await served.client(t);
  await client.first();
  const unlock = await lockedBy(t, served.dataDir);
  let token: Awaited<ReturnType<Served["call"]>> | undefined;
  const asked = served.call("POST", "/admin/tokens", { kind: "client", user: "bob" }).then((answer) => {
    token = answer;
  });
  for (let count = 1; count <= 50; count += 1) {
    agent.send({ type: "chat", chat: served.chat, roots: count % 2 === 0 ? [APP] : [APP, LIB] });
    agent.tell(APP, [fileOf("x", `edit ${count} meanwhile`)]);
    await client.diffWith(APP, `edit ${count} meanwhile`);
  }
  t.equal(token, undefined, "50 edits went by, each with a write, while one caller waits for the lock");
  await unlock();
  await asked;
  t.equal(token?.status, 201);
  t.equal(agent.closeCode, undefined);
});

t.test("a lock that lasts is said in readyz, refuses writes after 5 s, and is got over", async (t) => {
  const served = await Served.start(t, join(tempDir(t), "data"));
  const agent = await FakeAgent.connect(t, served.url, served.agentToken, { rootsOf: () => [APP] });
  agent.tell(APP, [fileOf("x", "before")]);
  const client = await served.client(t);
  await client.first();
  const unlock = await lockedBy(t, served.dataDir);
  const [archived, bound] = await Promise.all([
    served.call("POST", `/chats/${served.chat}/archive`),
    served.call("PUT", `/admin/chats/${randomUUID()}/binding`, { workspace: randomUUID() }),
  ]);
  t.same([archived.status, bound.status], [503, 503]);
  t.match(archived.headers.get("retry-after"), /^\d+$/);
  t.equal(bodySchema.parse(JSON.parse(archived.text)).message, "The relay's store is in trouble.");
  const ready = await served.call("GET", "/readyz");
  t.equal(ready.status, 503);
  t.match(bodySchema.parse(JSON.parse(ready.text)).detail, /^locked since /);
  agent.tell(APP, [fileOf("x", "in spite of it")]);
  await client.diffWith(APP, "in spite of it");
  const command = await runProgram(t, "relay", [
    ...["token", "create", "--kind", "client", "--user", "me", "--data-dir", served.dataDir],
  ]);
  t.equal(command.status, 1);
  t.match(command.stderr, /^relay: \S+: the data directory cannot be used \(database is locked\)[^\n]*\n$/, "one line");
  await unlock();
  await until("the relay is ready again", async () => (await served.call("GET", "/readyz")).status === 200);
  t.equal((await served.call("POST", `/chats/${served.chat}/archive`)).status, 204);
  t.equal(await client.closed(), 1001);
  await until("the log says so", () => served.said.includes(HEALED), { seen: () => served.said });
  t.same(served.said, [BEGINS, HEALED]);
});

t.test("a handler that fails closes its socket with 1011, and nothing else ends", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  agent.tell(APP, [fileOf("x", "1")]);
  const client = await relay.client();
  await client.first();
  const db = new Database(join(relay.dataDir, "treewire.db"));
  t.teardown(() => db.close());
  const refused = async (query = "") => {
    const headers = { "coder-session-token": relay.clientToken };
    return (await refusedUpgrade(t, relay.watchUrl() + query, { headers })).status;
  };

  db.exec("alter table chat_roots rename to chat_roots_away");
  agent.send({ type: "chat", chat: relay.chat, roots: [APP, LIB] });
  t.equal(await agent.closed(), 1011);
  t.equal(await refused("?stale=ok"), 500);
  db.exec("alter table chat_roots_away rename to chat_roots");
  const again = await relay.agent([APP]);
  again.tell(APP, [fileOf("x", "2")]);
  await client.diffWith(APP, "+2");

  db.exec("alter table chat_roots rename to chat_roots_away");
  const late = await relay.client(); // its first frame tells what vanished, which cannot be read
  t.equal(await late.closed(), 1011);
  db.exec("alter table chat_roots_away rename to chat_roots");
  t.equal(again.closeCode, undefined, "the agent, whose answer led to that frame, goes on");

  db.exec("alter table tokens rename to tokens_away");
  t.equal(await refused(), 500);
  again.tell(APP, [fileOf("x", "3")]);
  await client.diffWith(APP, "+3");
  db.exec("alter table tokens_away rename to tokens");
  await (await relay.client()).diffWith(APP, "+3");
  t.equal(client.closeCode, undefined);
});

t.test("a token that was revoked before the hello is turned away, and takes nobody's place", async (t) => {
  const relay = await TestRelay.start(t);
  const other = await createToken(relay.dataDir, { kind: "agent", workspace: relay.workspace });
  const here = await FakeAgent.connect(t, relay.url, relay.agentToken, { rootsOf: () => [] });
  const late = await FakeAgent.connect(t, relay.url, other, { hello: false });
  await revokeToken(relay.dataDir, other);
  late.send({ type: "hello", protocol: 1, agent: "late" }); // before the relay has noticed by itself
  t.equal(await late.closed(), 4003);
  t.same(late.all("welcome"), []);

  const another = await createToken(relay.dataDir, { kind: "agent", workspace: relay.workspace });
  const silent = await FakeAgent.connect(t, relay.url, another, { hello: false });
  await revokeToken(relay.dataDir, another);
  t.equal(await silent.closed(), 4003, "without a word from it");
  t.equal(here.closeCode, undefined);
});

t.test("a client that has gone while the upstream was asked takes up no socket of its token", async (t) => {
  const relay = await TestRelay.start(t, { mode: "upstream", limits: { socketsPerToken: 1 } });
  await relay.agent([]);
  const held: (() => void)[] = [];
  const { recorder } = relay;
  if (recorder === undefined) throw new Error("no upstream");
  const body = { id: relay.chat, workspace_id: relay.workspace, archived: false };
  recorder.answer = (_request, answer) => {
    held.push(() => answer.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body)));
  };
  const gone = new RawConnection(t, relay.url);
  gone.socket.write(
    `GET ${new URL(relay.watchUrl()).pathname} HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString("base64")}\r\n` +
      `Coder-Session-Token: ${relay.clientToken}\r\n\r\n`,
  );
  await until("the upstream is asked", () => held.length > 0);
  gone.socket.resetAndDestroy();
  await gone.closed();
  await fetch(`${relay.url}/healthz`); // the relay has seen the reset by then, or sees it as it writes
  recorder.answer = undefined;
  for (const answer of held) answer();
  t.same((await (await relay.client()).first()).repositories, []);
});

t.test("what an upstream said of a chat before something changed opens no socket after it", async (t) => {
  const relay = await TestRelay.start(t, { mode: "upstream" });
  await relay.agent([]);
  const { recorder } = relay;
  if (recorder === undefined) throw new Error("no upstream");
  const held: (() => void)[] = [];
  recorder.answer = (_request, answer) => {
    const body = { id: relay.chat, workspace_id: relay.workspace, archived: held.length > 0 };
    const say = () => answer.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (held.length > 0) say();
    held.push(say);
  };
  const opening = refusedUpgrade(t, relay.watchUrl(), { headers: { "coder-session-token": relay.clientToken } });
  await until("the upstream is asked", () => held.length > 0);
  await bindChat(relay.ownDir, { chat: relay.chat, workspace: relay.workspace });
  const admin = await createToken(relay.ownDir, { kind: "client", user: "root", admin: true });
  const headers = { "coder-session-token": admin, "content-type": "application/json" };
  // when this is answered, the relay has seen the change
  const path = `${relay.url}/admin/chats/${relay.chat}/binding`;
  const changed = await fetch(path, { method: "PUT", headers, body: JSON.stringify({ workspace: relay.workspace }) });
  t.equal(changed.status, 200);
  held[0]?.();
  t.match(await opening, { status: 400, body: { message: "Chat is archived." } });
});
