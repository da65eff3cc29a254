import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import t from "tap";
import { z } from "zod";
import { bindChat, createToken, revokeToken, unbindChat } from "../../../src/relay/index.js";
import { until } from "../../support/until.js";
import { refusedUpgrade, WatchClient } from "../../support/watch-client.js";
import { FakeAgent } from "../support/fake-agent.js";
import { RawConnection } from "../support/raw.js";
import { MODES, TestRelay } from "../support/relay.js";

const SIGNED_OUT = "You are signed out or your session has expired. Please sign in again to continue.";
const NOT_FOUND = "Resource not found or you do not have access to this resource";

for (const mode of MODES) {
  t.test(`${mode}: the stream is served under every prefix and both names`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    await relay.agent([]);
    const headers = { "coder-session-token": relay.clientToken };
    for (const prefix of ["/api/v2", "/api/experimental", ""]) {
      for (const name of ["git/watch", "stream/git"]) {
        const path = `${prefix}/chats/${relay.chat}/${name}`;
        const client = await WatchClient.open(t, relay.url + path, { headers });
        t.same((await client.first()).repositories, [], path);
        const plain = await fetch(relay.url + path, { headers });
        t.equal(plain.status, 426, path);
        t.same(await plain.json(), { message: "Upgrade required." });
      }
    }
  });

  t.test(`${mode}: refusals before the upgrade, word for word, and the same for a plain GET`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const { dataDir, workspace } = relay;
    const bound = async (options: { workspace?: string; owner?: string } = {}) => {
      const chat: string = randomUUID();
      await bindChat(dataDir, { chat, workspace, owner: "alice", ...options });
      return chat;
    };
    const token = relay.clientToken;
    const elsewhere = await createToken(dataDir, { kind: "client", user: "alice", workspace: randomUUID() });
    const revoked = await createToken(dataDir, { kind: "client", user: "alice" });
    await revokeToken(dataDir, revoked);
    const unbound = await bound();
    await unbindChat(dataDir, unbound);
    const expired = await createToken(dataDir, { kind: "client", user: "alice", expiresAt: new Date(Date.now() - 1) });
    const rows: [what: string, chat: string, token: string | undefined, status: number, message: string][] = [
      ["not a UUID", "nonsense", token, 400, "Invalid chat ID."],
      ["no token", relay.chat, undefined, 401, SIGNED_OUT],
      ["nonsense for a token", relay.chat, "nonsense", 401, SIGNED_OUT],
      ["a secret that is wrong", relay.chat, `${token.slice(0, -4)}AAAA`, 401, SIGNED_OUT],
      ["an expired token", relay.chat, expired, 401, SIGNED_OUT],
      ["a revoked token", relay.chat, revoked, 401, SIGNED_OUT],
      ["an agent's token", relay.chat, relay.agentToken, 401, SIGNED_OUT],
      ["no such chat", randomUUID(), token, 404, NOT_FOUND],
      ["somebody else's chat", await bound({ owner: "bob" }), token, 404, NOT_FOUND],
      ["no workspace", unbound, token, 400, "Chat has no workspace to watch."],
      ["an unknown workspace", await bound({ workspace: randomUUID() }), token, 400, "Chat workspace not found."],
      ["no agent", relay.chat, token, 400, 'Agent state is "disconnected", it must be in the "connected" state.'],
    ];
    // an upstream's tokens are its own affair
    if (mode === "own store") rows.push(["a token of another workspace", relay.chat, elsewhere, 403, "Forbidden."]);
    for (const [what, chat, token, status, message] of rows) {
      const headers: Record<string, string> = token === undefined ? {} : { "coder-session-token": token };
      const refused = await refusedUpgrade(t, relay.watchUrl(chat), { headers });
      t.equal(refused.status, status, what);
      t.equal(z.object({ message: z.string() }).parse(refused.body).message, message, what);
      t.match(refused.headers["content-type"], /^application\/json/);
      const plain = await fetch(relay.watchUrl(chat), { headers });
      t.same([plain.status, await plain.json()], [status, refused.body], `${what}: plain GET`);
    }
    const invalid = await refusedUpgrade(t, relay.watchUrl("nonsense"), { headers: { "coder-session-token": token } });
    t.match(invalid.body, { validations: [{ field: String, detail: String }] });
  });

  t.test(`${mode}: compression is offered and optional, and no side keeps a window between frames`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    await relay.agent([]);
    const headers = { "coder-session-token": relay.clientToken };
    const raw = new RawConnection(t, relay.url);
    raw.socket.write(
      `GET ${new URL(relay.watchUrl()).pathname} HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString("base64")}\r\n` +
        `Sec-WebSocket-Extensions: permessage-deflate\r\nCoder-Session-Token: ${relay.clientToken}\r\n\r\n`,
    );
    await until("the handshake", () => raw.text.includes("\r\n\r\n"));
    const [, taken = ""] = /^sec-websocket-extensions: (.*)\r$/im.exec(raw.text) ?? [];
    t.same(taken.split("; ").sort(), [
      "client_no_context_takeover",
      "permessage-deflate",
      "server_no_context_takeover",
    ]);
    const plain = await WatchClient.open(t, relay.watchUrl(), { headers, perMessageDeflate: false });
    t.equal(plain.socket.extensions, "");
    t.same((await plain.first()).repositories, []);
  });

  t.test(`${mode}: an admin sees every chat`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    await relay.agent([]);
    const admin = await createToken(relay.dataDir, { kind: "client", user: "root", admin: true });
    t.same((await (await relay.client(relay.chat, admin)).first()).repositories, []);
  });

  t.test(`${mode}: the token is read from header, bearer, cookie and query, in this order`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    await relay.agent([]);
    const good = relay.clientToken;
    const ways: [string, (token: string) => { headers?: Record<string, string>; query?: string }][] = [
      ["header", (token) => ({ headers: { "coder-session-token": token } })],
      ["bearer", (token) => ({ headers: { authorization: `Bearer ${token}` } })],
      ["cookie", (token) => ({ headers: { cookie: `a=b; coder_session_token=${token}` } })],
      ["query", (token) => ({ query: `?coder_session_token=${token}` })],
    ];
    for (const [position, [name, way]] of ways.entries()) {
      const { headers = {}, query = "" } = way(good);
      await (await WatchClient.open(t, relay.watchUrl() + query, { headers })).first();
      t.pass(`${name} counts`);
      for (const [later, wayOfLater] of ways.slice(position + 1)) {
        const wrong = way("wrong");
        const right = wayOfLater(good);
        const refused = await refusedUpgrade(t, relay.watchUrl() + (right.query ?? wrong.query ?? ""), {
          headers: { ...right.headers, ...wrong.headers },
        });
        t.equal(refused.status, 401, `${name} comes before ${later}`);
      }
    }
  });

  t.test(`${mode}: a cookie counts on an upgrade from this host, an allowed origin, or no page at all`, async (t) => {
    const relay = await TestRelay.start(t, { mode, allowedOrigins: ["https://chat.example.com"] });
    await relay.agent([]);
    const cookie = `coder_session_token=${relay.clientToken}`;
    for (const origin of [relay.url, "https://chat.example.com"]) {
      await (await WatchClient.open(t, relay.watchUrl(), { headers: { cookie, origin } })).first();
      t.pass(origin);
    }
    for (const origin of [
      "https://evil.example",
      "null",
      `${relay.url}.evil.example`,
      "https://chat.example.com.evil",
    ]) {
      const refused = await refusedUpgrade(t, relay.watchUrl(), { headers: { cookie, origin } });
      t.same([refused.status, refused.body], [403, { message: "Forbidden." }], origin);
    }
    const headers = { "coder-session-token": relay.clientToken, origin: "https://evil.example" };
    await (await WatchClient.open(t, relay.watchUrl(), { headers })).first();
    t.pass("a page that has the token itself may come from anywhere");
  });
}

t.test("an agent that has not said hello is connecting", async (t) => {
  const relay = await TestRelay.start(t);
  await FakeAgent.connect(t, relay.url, relay.agentToken, { hello: false });
  const refused = await refusedUpgrade(t, relay.watchUrl(), { headers: { "coder-session-token": relay.clientToken } });
  t.match(refused.body, { message: 'Agent state is "connecting", it must be in the "connected" state.' });
});

t.test("commands that run beside the server count at once, also for open sockets", async (t) => {
  const relay = await TestRelay.start(t);
  await relay.agent([]);
  const client = await relay.client();
  await client.first();
  await bindChat(relay.dataDir, { chat: relay.chat, workspace: relay.workspace, owner: "bob" });
  const refused = await refusedUpgrade(t, relay.watchUrl(), { headers: { "coder-session-token": relay.clientToken } });
  t.equal(refused.status, 404);
  t.equal(await client.closed(), 1001, "it is no longer alice's");
});

t.test("what is no HTTP, no route and no WebSocket is answered and ends", async (t) => {
  const relay = await TestRelay.start(t);
  const { port, hostname } = new URL(relay.url);
  const ask = async (text: string) => {
    const socket = connect(Number(port), hostname);
    const chunks: Buffer[] = [];
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.write(text);
    await once(socket, "close");
    return Buffer.concat(chunks).toString();
  };
  const upgrade = (path: string, more = "") =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${more}\r\n`;
  t.match(await ask(upgrade("/nowhere")), /^HTTP\/1\.1 404 .*"Route not found\."/s);
  t.match(await ask(upgrade("//")), /^HTTP\/1\.1 40\d /);
  t.match(await ask(upgrade(`/chats/${relay.chat}/git/watch`)), /^HTTP\/1\.1 401 /);
  const credentials = `Coder-Session-Token: ${relay.clientToken}\r\n`;
  await relay.agent([]);
  t.match(await ask(upgrade(`/chats/${relay.chat}/git/watch`, credentials)), /^HTTP\/1\.1 400 /, "no key");
  t.match(await ask("nonsense\r\n\r\n"), /^HTTP\/1\.1 400 /);
  const missing = await fetch(`${relay.url}/nowhere`);
  t.same([missing.status, await missing.json()], [404, { message: "Route not found." }]);
});
