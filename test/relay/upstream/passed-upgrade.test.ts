import { once } from "node:events";
import t from "tap";
import { type ClientOptions, WebSocket } from "ws";
import { type RelayOptions, startRelay } from "../../../src/relay/index.js";
import { silentLogger } from "../../../src/util/index.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";
import { refusedUpgrade } from "../../support/watch-client.js";
import { FakeUpstream } from "../support/fake-upstream.js";
import { ask } from "../support/raw.js";

const CHAT = "0b9f1a52-3f0c-4c0e-8a51-6f4f2d8f1c11";
const TOKEN = { "coder-session-token": "a-token-of-the-upstream" };

async function start(t: Cleanup, options: Partial<RelayOptions> = {}, path = "") {
  const upstream = await FakeUpstream.start(t);
  const dataDir = tempDir(t);
  const common = { port: 0, log: silentLogger(), dataDir, upstream: upstream.url + path };
  const relay = await startRelay({ ...common, ...options });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= relay.close();
    return stopped;
  };
  t.teardown(stop);
  const open = async (target: string, client: ClientOptions = { headers: TOKEN }, protocols: string[] = []) => {
    const socket = new WebSocket(relay.url.replace(/^http/, "ws") + target, protocols, client);
    socket.on("error", () => undefined);
    t.teardown(() => socket.terminate());
    let headers: Record<string, unknown> = {};
    socket.on("upgrade", (response) => {
      headers = response.headers;
    });
    await once(socket, "open");
    return { socket, headers };
  };
  const refused = (target: string, headers: Record<string, string> = TOKEN) =>
    refusedUpgrade(t, relay.url + target, { headers });
  return { upstream, relay, stop, open, refused };
}

/** The next message, as the other end sent it. */
async function message(socket: WebSocket): Promise<{ data: Buffer; isBinary: boolean }> {
  const [data, isBinary] = (await once(socket, "message")) as [Buffer, boolean];
  return { data, isBinary };
}

t.test("every upgrade below the prefixes is passed on, with its path, query, headers and sub-protocol", async (t) => {
  const { upstream, open } = await start(t);
  const paths = [
    ...["/api/v2/chats/watch", "/api/experimental/chats/watch", "/chats/watch"],
    ...[`/api/v2/chats/${CHAT}/stream`, `/api/experimental/chats/${CHAT}/stream/desktop`, `/chats/${CHAT}/stream/`],
    ...[`/chats/${CHAT}/stream?after_id=%2F..&x=git/watch`, `/api/v2/chats/%7Bodd%7D/new`],
  ];
  for (const [at, path] of paths.entries()) {
    const { socket, headers } = await open(path, { headers: { ...TOKEN, "x-own": "kept" } }, ["proto.v1", "other"]);
    const end = await upstream.socket(at + 1);
    t.equal(upstream.upgrades[at]?.url, path);
    t.match(upstream.upgrades[at]?.headers, {
      ...TOKEN,
      host: new URL(upstream.url).host,
      "x-own": "kept",
      "x-forwarded-for": "127.0.0.1",
      "sec-websocket-protocol": "proto.v1,other",
    });
    t.equal(socket.protocol, "proto.v1");
    t.equal(headers["treewire-relay"], "1");
    end.send("to the client");
    t.same(await message(socket), { data: Buffer.from("to the client"), isBinary: false });
    socket.send(Buffer.from([0, 255]));
    t.same(await message(end), { data: Buffer.from([0, 255]), isBinary: true });
  }
  t.same(upstream.calls, []);
});

t.test("an upstream with a path has it before the route", async (t) => {
  const { upstream, open } = await start(t, {}, "/coder/");
  await open("/api/v2/chats/watch");
  t.equal(upstream.upgrades[0]?.url, "/coder/api/v2/chats/watch");
});

t.test("what is the relay's own, what is outside, and what may be taken for it stays here", async (t) => {
  const { upstream, relay, refused } = await start(t);
  const rows: [target: string, status: number][] = [
    [`/chats/${CHAT}/git/other`, 404],
    [`/api/v2/chats/${CHAT}/git`, 404],
    [`/chats/${CHAT}/%67it/other`, 404],
    [`/chats/${CHAT}/GIT/watch`, 404],
    [`/chats/${CHAT}/stream/git/more`, 404],
    ["/api/v2/users/me", 404],
    ["/api/v2/chatsandmore", 404],
    ["/api/v3/chats/watch", 404],
    ["/", 404],
  ];
  for (const [target, status] of rows) t.equal((await refused(target)).status, status, target);
  // by hand: a URL resolves its dots before it is sent
  const odd = [
    ...["/chats/../users/me", "/chats/%2e%2e/users/me", "/chats/.%2E/users", "/chats/x/./y", "/chats//watch"],
    ...[`/chats/${CHAT}/git%2fwatch`, "/chats/..%2fusers", "/chats/..%5cusers", "/chats/%zz", "/chats/x%00"],
  ];
  const upgrade =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
  for (const target of odd) {
    for (const headers of [upgrade, "Connection: close\r\n"]) {
      const { status } = await ask(t, relay.url, `GET ${target} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`);
      t.ok(status === 400 || status === 404, `${target}: ${status}`);
    }
  }
  const calls = [`/chats/${CHAT}/git/other`, `/chats/${CHAT}/stream/git/more`, `/chats/${CHAT}/%67it`];
  for (const target of calls) t.equal((await fetch(relay.url + target, { headers: TOKEN })).status, 404, target);
  const h2c = await ask(
    t,
    relay.url,
    "GET /chats/watch HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
  );
  t.equal(h2c.status, 400);
  const post = await ask(t, relay.url, `POST /chats/watch HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`);
  t.equal(post.status, 405);
  t.same(upstream.upgrades, []);
  t.same(upstream.calls, []);
});

t.test("close codes, compression and long messages go through in both directions", async (t) => {
  const { upstream, open } = await start(t);
  const { socket } = await open("/chats/watch", { headers: TOKEN, perMessageDeflate: { threshold: 0 } });
  const end = await upstream.socket();
  t.match(socket.extensions, "permessage-deflate");
  const long = "0123456789abcdef".repeat(400_000);
  end.send(long);
  t.ok(String((await message(socket)).data) === long, "6 MB to the client");
  socket.send(long);
  t.ok(String((await message(end)).data) === long, "and back");
  end.close(4321, "why not");
  const [code, reason] = (await once(socket, "close")) as [number, Buffer];
  t.same([code, String(reason)], [4321, "why not"]);

  const second = await open("/chats/watch");
  const secondEnd = await upstream.socket(2);
  second.socket.close(3001, "gone");
  t.equal((await once(secondEnd, "close"))[0], 3001);
});

t.test("an end that is lost ends the other one", async (t) => {
  const { upstream, open } = await start(t, { limits: { socketsPerToken: 1 } });
  const first = await open("/chats/watch");
  const end = await upstream.socket();
  first.socket.terminate();
  await until("the upstream's end is closed", () => end.readyState === WebSocket.CLOSED);
  const opened = await until("the place is free again", () => open("/chats/watch").catch(() => undefined));
  (await upstream.socket(2)).terminate();
  await until("the client's end is closed", () => opened.socket.readyState === WebSocket.CLOSED);
});

t.test("what the upstream refuses is refused in its words", async (t) => {
  const { upstream, refused } = await start(t, { limits: { failuresPerAddress: 2 } });
  const body = '{"message":"no chats for you"}';
  upstream.answer = (_request, socket) => {
    socket.end(
      `HTTP/1.1 401 Nope\r\nContent-Type: application/json\r\nX-Upstream: yes\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nTreewire-Relay: 2\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  };
  for (let count = 0; count < 3; count += 1) {
    const { status, body: said, headers } = await refused("/chats/watch");
    t.same([status, said], [401, JSON.parse(body)]);
    t.match(headers, { "x-upstream": "yes", "treewire-relay": "1", "x-hop": undefined });
  }
  t.equal((await refused("/chats/watch")).status, 429, "who brings tokens that do not count is slowed down");
  t.equal(upstream.upgrades.length, 3);
});

t.test("the limits of the relay hold: requests, sockets, and what a client sends", async (t) => {
  const limits = { requestsPerToken: 4, socketsPerToken: 2, clientMessagesPerSecond: 100 };
  const { upstream, open, refused } = await start(t, { limits });
  const { socket } = await open("/chats/watch");
  await open("/chats/watch");
  t.match(await refused("/chats/watch"), { status: 429, body: { message: "Too many open sockets." } });
  await refused("/chats/watch");
  t.match(await refused("/chats/watch"), { status: 429, body: { message: "Too many requests." } });
  await open("/chats/watch", { headers: { "coder-session-token": "another" } });
  const end = await upstream.socket();
  let came = 0;
  end.on("message", () => {
    came += 1;
  });
  for (let count = 0; count < 450; count += 1) socket.send("x");
  await until("nothing is lost", () => came === 450);
});

t.test(
  "a cookie counts from pages of the relay and of those that are allowed, and the upstream is told so",
  async (t) => {
    const allowedOrigins = ["https://chat.example.com"];
    const { upstream, relay, open, refused } = await start(t, { allowedOrigins });
    const cookie = "coder_session_token=a-token-of-the-upstream";
    t.equal((await refused("/chats/watch", { cookie, origin: "https://evil.example" })).status, 403);
    for (const origin of [relay.url, "https://chat.example.com"]) {
      await open("/chats/watch", { headers: { cookie, origin } });
      t.match(upstream.upgrades.at(-1)?.headers, { origin: upstream.url, cookie });
    }
    await open("/chats/watch", { headers: { ...TOKEN, origin: "https://evil.example" } });
    t.equal(upstream.upgrades.at(-1)?.headers.origin, "https://evil.example", "what it is worth, the upstream says");
    t.equal(upstream.upgrades.length, 3);
  },
);

t.test("an upstream that is away or says nothing gives 502 or 504", async (t) => {
  const { upstream, refused } = await start(t, { upstreamTimeoutMs: 50 });
  upstream.answer = "silence";
  t.equal((await refused("/chats/watch")).status, 504);
  upstream.answer = (_request, socket) => socket.destroy();
  t.equal((await refused("/chats/watch")).status, 502);
  upstream.answer = (_request, socket) => socket.end("nonsense\r\n\r\n");
  t.equal((await refused("/chats/watch")).status, 502);
  upstream.stop();
  t.equal((await refused("/chats/watch")).status, 502);
});

t.test("a relay that stops tells those that it passes on with 1001", async (t) => {
  const { upstream, stop, open } = await start(t);
  const { socket } = await open("/chats/watch");
  const end = await upstream.socket();
  end.send("x".repeat(300_000));
  await message(socket);
  const closed = once(socket, "close");
  await stop();
  t.equal((await closed)[0], 1001);
  await until("the upstream's end is closed", () => end.readyState === WebSocket.CLOSED);
});
