import { once } from "node:events";
import t from "tap";
import { WebSocket } from "ws";
import { TUNNEL_PATH, TUNNEL_SUBPROTOCOL } from "../../src/protocol/index.js";
import { ask } from "./support/raw.js";
import { MODES, TestRelay } from "./support/relay.js";

const MARK = /^Treewire-Relay: 1\r$/gim;

for (const mode of MODES) {
  t.test(`${mode}: every answer says that it is the relay's, once`, async (t) => {
    const metricsListen = { host: "127.0.0.1", port: 0 };
    const limits = { headersTimeoutMs: 500, requestTimeoutMs: 500, headerBytes: 8_192 };
    const relay = await TestRelay.start(t, { mode, metricsListen, limits });
    const token = `coder-session-token: ${relay.clientToken}`;
    const close = "Connection: close";
    const upgrade = "Upgrade: websocket\r\nConnection: Upgrade";
    const key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    const chat = `/api/v2/chats/${relay.chat}`;
    const watch = `${chat}/git/watch`;
    const agent = `Authorization: Bearer ${relay.agentToken}`;
    const rows: [what: string, status: number, request: string][] = [
      ["health", 200, `GET /healthz HTTP/1.1\r\nHost: x\r\n${close}\r\n\r\n`],
      ["a HEAD", 200, `HEAD /healthz HTTP/1.1\r\nHost: x\r\n${close}\r\n\r\n`],
      ["a chat, perhaps the upstream's", 200, `GET ${chat} HTTP/1.1\r\nHost: x\r\n${token}\r\n${close}\r\n\r\n`],
      ["a chat without a token", 401, `GET ${chat} HTTP/1.1\r\nHost: x\r\n${close}\r\n\r\n`],
      ["no route", 404, `GET /nowhere HTTP/1.1\r\nHost: x\r\n${close}\r\n\r\n`],
      ["another method", 405, `DELETE /healthz HTTP/1.1\r\nHost: x\r\n${close}\r\n\r\n`],
      ["a plain GET of the stream", 400, `GET ${watch} HTTP/1.1\r\nHost: x\r\n${token}\r\n${close}\r\n\r\n`],
      ["an expectation", 417, `GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\n${close}\r\n\r\n`],
      ["no host", 400, `GET /healthz HTTP/1.1\r\n${close}\r\n\r\n`],
      ["no HTTP", 400, "nonsense\r\n\r\n"],
      ["large headers", 431, `GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(9_000)}\r\n\r\n`],
      ["a request that takes too long", 408, "GET /healthz HTTP/1.1\r\nHost: x\r\n"],
      ["an upgrade to nothing", 404, `GET /nowhere HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n${key}\r\n\r\n`],
      ["a stream without a token", 401, `GET ${watch} HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n${key}\r\n\r\n`],
      [
        "a stream without an agent",
        400,
        `GET ${watch} HTTP/1.1\r\nHost: x\r\n${token}\r\n${upgrade}\r\n${key}\r\n\r\n`,
      ],
      ["a tunnel without a token", 401, `GET /tunnel HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n${key}\r\n\r\n`],
      [
        "a tunnel without its protocol",
        400,
        `GET /tunnel HTTP/1.1\r\nHost: x\r\n${agent}\r\n${upgrade}\r\n${key}\r\n\r\n`,
      ],
      [
        "a tunnel without a key",
        400,
        `GET /tunnel HTTP/1.1\r\nHost: x\r\n${agent}\r\n${upgrade}\r\nSec-WebSocket-Protocol: ${TUNNEL_SUBPROTOCOL}\r\n\r\n`,
      ],
    ];
    for (const [what, status, request] of rows) {
      const { text, status: got } = await ask(t, relay.url, request.replaceAll("/tunnel", TUNNEL_PATH));
      t.equal(got, status, what);
      t.equal(text.match(MARK)?.length, 1, `${what}: ${text.slice(0, 300)}`);
    }
    for (const path of ["/metrics", "/nowhere"]) {
      const target = new URL(path, relay.metricsUrl);
      const { headers } = await fetch(target);
      t.equal(headers.get("treewire-relay"), "1", `${path} of the metrics' own port`);
    }
  });
}

t.test("so does the answer that opens a stream, and the one that opens a tunnel", async (t) => {
  const relay = await TestRelay.start(t);
  await relay.agent([]);
  const agentToken = await relay.newAgentToken();
  const client = new WebSocket(relay.watchUrl().replace(/^http/, "ws"), {
    headers: { "coder-session-token": relay.clientToken },
  });
  t.teardown(() => client.terminate());
  const tunnel = new WebSocket(relay.url.replace(/^http/, "ws") + TUNNEL_PATH, TUNNEL_SUBPROTOCOL, {
    headers: { authorization: `Bearer ${agentToken}` },
  });
  t.teardown(() => tunnel.terminate());
  const upgrades = [client, tunnel].map((socket) => once(socket, "upgrade"));
  for (const [response] of await Promise.all(upgrades)) t.equal(response.headers["treewire-relay"], "1");
});
