import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { createToken } from "../../src/relay/index.js";
import { createLogger } from "../../src/util/index.js";
import { until } from "../support/until.js";
import { refusedUpgrade, WatchClient } from "../support/watch-client.js";
import { ask, RawConnection } from "./support/raw.js";
import { MODES, TestRelay } from "./support/relay.js";

const ORGANIZATION = "33333333-3333-4333-8333-333333333333";
const PNG = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
const UPLOAD = `/api/v2/chats/files?organization=${ORGANIZATION}`;

/** Everything below the store of files, staged or not. */
function stored(relay: TestRelay): string[] {
  const directory = join(relay.dataDir, "files");
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}

/** The head of a request, as bytes on the wire; the caller adds the body. */
function head(method: string, target: string, headers: Record<string, string>): string {
  const lines = Object.entries({ Host: "relay", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

for (const mode of MODES) {
  t.test(`${mode}: tricks with paths lead nowhere`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const targets = [
      "/admin/tokens",
      "/%61dmin/tokens",
      "/ADMIN/tokens",
      "/admin//tokens",
      "/admin/./tokens",
      "/admin%2ftokens",
      "/admin/tokens;x=1",
      "/admin/tokens%00",
      "/chats/../admin/tokens",
      "/chats/..%2fadmin%2ftokens",
      "/api/v2/chats/%2e%2e/%2e%2e/admin/tokens",
      "http://127.0.0.1/admin/tokens",
      "//127.0.0.1/admin/tokens",
      "/chats/files/..%2f..%2ftreewire.db",
      "/chats/files/%2e%2e/%2e%2e/treewire.db",
      "/chats/files/..\\..\\treewire.db",
      "/chats/files/%c0%ae%c0%ae%c0%af",
      "/chats/files/%00",
      "/files/treewire.db",
      "/%zz",
      "/chats/%",
      "*",
      "/nothing?/admin/tokens",
      `/chats/${"x".repeat(10_000)}`,
      `/chats/__proto__`,
      "/chats/constructor/archive",
    ];
    for (const target of targets) {
      for (const headers of [{}, { "Coder-Session-Token": relay.clientToken }]) {
        const { status, text } = await ask(t, relay.url, head("GET", target, { ...headers, Connection: "close" }));
        t.ok(status !== undefined && status >= 400 && status < 500, `${target.slice(0, 60)}: ${status}`);
        t.match(text, /\r\n\r\n\{"message":"[^"]+".*\}$/s, "in the form of every error");
        t.notMatch(text, /SQLite|secret|"kind"/);
      }
    }
    const { origin } = new URL(relay.url);
    for (const target of targets) {
      const upgrade = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13" };
      const { status } = await ask(t, origin, head("GET", target, { ...upgrade, "Sec-WebSocket-Key": "x" }));
      t.ok(status !== undefined && status >= 400 && status < 500, `upgrade ${target.slice(0, 60)}: ${status}`);
    }
  });

  t.test(`${mode}: tricks with headers are seen through`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const good = `Coder-Session-Token: ${relay.clientToken}\r\n`;
    const get = (headers: string) => `GET /chats/${relay.chat} HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`;
    t.equal((await ask(t, relay.url, get(`Host: relay\r\n${good}`))).status, 200, "without any trick");
    const rows: [what: string, headers: string, status: number][] = [
      ["two tokens, one of them wrong", `Host: relay\r\n${good}Coder-Session-Token: other\r\n`, 401],
      ["a space before the colon", `Host: relay\r\nCoder-Session-Token : ${relay.clientToken}\r\n`, 400],
      [
        "a header that goes on in the next line",
        `Host: relay\r\nCoder-Session-Token:\r\n ${relay.clientToken}\r\n`,
        400,
      ],
      ["a lone line feed", `Host: relay\nCoder-Session-Token: ${relay.clientToken}\r\n`, 400],
      ["a NUL", `Host: relay\r\nX: a\0b\r\n${good}`, 400],
      ["no host", good, 400],
      ["two lengths", `Host: relay\r\n${good}Content-Length: 1\r\nContent-Length: 2\r\n`, 400],
      ["a length, and chunks", `Host: relay\r\n${good}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n`, 400],
      ["a negative length", `Host: relay\r\n${good}Content-Length: -1\r\n`, 400],
      ["an odd encoding", `Host: relay\r\n${good}Transfer-Encoding: chunked, identity\r\n`, 400],
      ["more bytes than headers may have", `Host: relay\r\n${good}X: ${"x".repeat(20_000)}\r\n`, 431],
      ["another scheme", `Host: relay\r\nAuthorization: Basic ${relay.clientToken}\r\n`, 401],
    ];
    for (const [what, headers, status] of rows) {
      const answer = await ask(t, relay.url, get(headers));
      t.equal(answer.status, status, what);
      t.notMatch(answer.text, relay.workspace, what);
    }
  });

  t.test(`${mode}: a page of another origin cannot use its visitor's cookie, whatever it says of itself`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    await relay.agent([]);
    const cookie = `coder_session_token=${relay.clientToken}`;
    const { host, port } = new URL(relay.url);
    for (const origin of [
      "https://evil.example",
      `http://${host}.evil.example`,
      `http://${host}@evil.example`,
      `http://evil.example/${host}`,
      `http://127.0.0.1:${Number(port) + 1}`,
      "null",
      "file://",
      "",
      host,
    ]) {
      for (const spoof of [{}, { "x-forwarded-host": "evil.example" }, { "x-forwarded-proto": "https" }]) {
        for (const delta of [{}, { "sec-websocket-protocol": "treewire.delta.v1" }]) {
          const headers = { cookie, origin, ...spoof, ...delta };
          const refused = await refusedUpgrade(t, relay.watchUrl(), { headers });
          t.same([refused.status, refused.body], [403, { message: "Forbidden." }], `${origin} ${Object.keys(spoof)}`);
        }
      }
    }
    await (await WatchClient.open(t, relay.watchUrl(), { headers: { cookie, origin: relay.url } })).first();
  });

  t.test(`${mode}: a cookie alone changes nothing, on any route`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const admin = await createToken(relay.dataDir, { kind: "client", user: "root", admin: true });
    const seen = relay.recorder?.requests.length;
    const rows: [method: string, path: string, body?: string][] = [
      ["POST", `/chats/${relay.chat}/archive`],
      ["POST", `/chats/${relay.chat}/unarchive`],
      ["PATCH", `/chats/${relay.chat}`, '{"archived":true}'],
      ["POST", UPLOAD, PNG.toString("latin1")],
      ["DELETE", `/chats/files/${ORGANIZATION}`],
      ["POST", "/admin/tokens", '{"kind":"client","user":"x"}'],
      ["DELETE", "/admin/tokens/0000000000000000"],
      ["PUT", `/admin/chats/${relay.chat}/binding`, `{"workspace":"${relay.workspace}"}`],
      ["DELETE", `/admin/chats/${relay.chat}/binding`],
    ];
    for (const [method, path, body = ""] of rows) {
      const type = path === UPLOAD ? "image/png" : "application/json";
      for (const more of [{}, { Origin: relay.url }, { "Coder-Session-Token": "" }]) {
        const headers = { Cookie: `coder_session_token=${admin}`, "Content-Type": type, ...more, Connection: "close" };
        const length = { "Content-Length": String(body.length) };
        const { status } = await ask(t, relay.url, head(method, path, { ...headers, ...length }) + body);
        t.equal(status, 401, `${method} ${path}`);
      }
    }
    t.equal(relay.recorder?.requests.length, seen, "and an upstream is not even asked");
  });

  t.test(`${mode}: no token gets into the log, wherever it stands`, async (t) => {
    const lines: string[] = [];
    const log = createLogger("relay", "trace", { write: (line) => void lines.push(line) });
    const relay = await TestRelay.start(t, { mode, log });
    const token = relay.clientToken;
    const headers = { "coder-session-token": token };
    await refusedUpgrade(t, `${relay.watchUrl()}?coder_session_token=${token}`);
    await relay.agent([]);
    await (await WatchClient.open(t, `${relay.watchUrl()}?coder_session_token=${token}`)).first();
    await (await WatchClient.open(t, relay.watchUrl(), { headers })).first();
    const query = `coder_session_token=${token}`;
    const strange = `${query.replace("_", "%5f")}&CODER%5FSESSION_TOKEN=${token}&a=b?${query}`;
    for (const path of [
      `/chats/${relay.chat}?x=1&${query}&y=2`,
      `/chats/${relay.chat}?${strange}`,
      `/nowhere?${query}`,
      `/%zz?${query}`,
      `/chats/${token}?${query}#${query}`,
      `/chats/files/${token}`,
      `//${token}?${strange}`,
    ]) {
      await ask(t, relay.url, head("GET", path, { Connection: "close" }));
      await ask(t, relay.url, head("GET", path, { Connection: "Upgrade", Upgrade: "websocket" }));
    }
    for (const named of [{ authorization: `Bearer ${token}` }, { cookie: query }, headers]) {
      await (await fetch(`${relay.url}/chats/nonsense`, { headers: named })).arrayBuffer();
    }
    if (relay.recorder !== undefined) relay.recorder.answer = "cut";
    await (await fetch(`${relay.url}/chats/${relay.chat}?${query}`)).arrayBuffer();
    await refusedUpgrade(t, `${relay.watchUrl()}?coder_session_token=${relay.agentToken}`);
    await relay.stop();
    t.ok(lines.length > 20, `${lines.length} lines`);
    for (const secret of [token, relay.agentToken]) {
      t.same(
        lines.filter((line) => line.includes(secret.slice(-20))),
        [],
      );
    }
  });
}

t.test("a body over the limit is refused before it is read", async (t) => {
  const relay = await TestRelay.start(t);
  const headers = { "Coder-Session-Token": relay.clientToken, "Content-Type": "image/png" };
  const declared = new RawConnection(t, relay.url);
  declared.socket.write(head("POST", UPLOAD, { ...headers, "Content-Length": "99999999999" }));
  await until("the whole answer", () => declared.text.includes('"File too large."'), { seen: () => declared.text });
  t.equal(declared.status, 413);
  const json = { ...headers, "Content-Type": "application/json", "Content-Length": "9999999" };
  const patch = await ask(t, relay.url, head("PATCH", `/chats/${relay.chat}`, json));
  t.equal(patch.status, 413);
  t.same(stored(relay), []);
});

/** Sends chunks without an end, as fast as they are taken, until the connection is closed. */
function neverEnd(connection: RawConnection, piece: Buffer): void {
  const chunk = Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")]);
  const send = () => {
    while (!connection.socket.destroyed && connection.socket.write(chunk));
  };
  connection.socket.on("drain", send);
  send();
}

/** What bodies that never end are answered, once the relay has ended their connections. */
async function answersToEndless(t: Test, requestTimeoutMs: number): Promise<Record<string, number | undefined>> {
  const relay = await TestRelay.start(t, { limits: { requestTimeoutMs } });
  const admin = await createToken(relay.dataDir, { kind: "client", user: "alice", admin: true });
  const headers = { "Coder-Session-Token": admin, "Transfer-Encoding": "chunked" };
  const rows: [name: string, target: string, method: string, type: string, piece: Buffer][] = [
    ["file", UPLOAD, "POST", "image/png", Buffer.concat([PNG, Buffer.alloc(65_536, " ")])],
    ["chat", `/chats/${relay.chat}`, "PATCH", "application/json", Buffer.alloc(65_536, " ")],
    ["token", "/admin/tokens", "POST", "application/json", Buffer.alloc(65_536, " ")],
    ["no body wanted", `/chats/${relay.chat}/archive`, "POST", "text/plain", Buffer.alloc(65_536, " ")],
  ];
  const answers: Record<string, number | undefined> = {};
  for (const [name, target, method, type, piece] of rows) {
    const connection = new RawConnection(t, relay.url);
    connection.socket.write(head(method, target, { ...headers, "Content-Type": type }));
    neverEnd(connection, piece);
    await connection.closed();
    answers[name] = connection.status;
  }
  t.same(stored(relay), []);
  t.equal((await fetch(`${relay.url}/healthz`)).status, 200);
  await relay.stop();
  return answers;
}

t.test("a body without an end is answered, read no longer than a request may take, and leaves nothing", async (t) => {
  // a machine that needs longer than that for a body of the size that is too much answers 408, rightly: it gets more time
  let answers: Record<string, number | undefined> = {};
  for (const requestTimeoutMs of [500, 1_000, 2_000, 4_000, 8_000]) {
    answers = await answersToEndless(t, requestTimeoutMs);
    if (!Object.values(answers).includes(408)) break;
  }
  t.same(answers, { file: 413, chat: 413, token: 413, "no body wanted": 204 });
});

t.test("slow headers, slow bodies and silent connections are cut off, while others are served", async (t) => {
  const relay = await TestRelay.start(t, { limits: { headersTimeoutMs: 300, requestTimeoutMs: 600 } });
  const drip = (start: string, drop: string) => {
    const connection = new RawConnection(t, relay.url);
    connection.socket.write(start);
    const timer = setInterval(() => connection.socket.writable && connection.socket.write(drop), 20);
    connection.socket.on("close", () => clearInterval(timer));
    return connection;
  };
  const headers = { "Coder-Session-Token": relay.clientToken, "Content-Type": "image/png", "Content-Length": "10000" };
  const slow = [
    drip("GET /healthz HTTP/1.1\r\nHost: relay\r\nX: ", "x"),
    drip(`GET /chats/${relay.chat}/git/watch HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX: `, "x"),
    drip(head("POST", UPLOAD, headers) + PNG.toString("latin1"), "x"),
    new RawConnection(t, relay.url),
  ];
  await until("the upload is under way", () => stored(relay).length === 1);
  t.equal((await fetch(`${relay.url}/healthz`)).status, 200);
  await Promise.all(slow.map((connection) => connection.closed()));
  for (const { text } of slow) t.match(text, /^HTTP\/1\.1 408 /);
  await until("nothing of it is left", () => stored(relay).length === 0);
});

t.test("limits count the real address, not one that a caller makes up", async (t) => {
  const relay = await TestRelay.start(t, { limits: { failuresPerAddress: 2 } });
  const statuses: number[] = [];
  for (let guess = 1; guess <= 4; guess += 1) {
    const headers = {
      "coder-session-token": "guess",
      "x-forwarded-for": `203.0.113.${guess}`,
      forwarded: "for=1.2.3.4",
    };
    statuses.push((await fetch(`${relay.url}/chats/${relay.chat}`, { headers })).status);
  }
  t.same(statuses, [401, 401, 401, 429]);
});

t.test("what is stored gives no token away", async (t) => {
  const relay = await TestRelay.start(t);
  await (await fetch(`${relay.url}/chats/${relay.chat}?coder_session_token=${relay.clientToken}`)).arrayBuffer();
  await relay.stop();
  for (const name of readdirSync(relay.dataDir)) {
    const bytes = readFileSync(join(relay.dataDir, name));
    for (const token of [relay.clientToken, relay.agentToken]) t.notOk(bytes.includes(token.slice(21)), name);
  }
});
