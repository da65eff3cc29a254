import { once } from "node:events";
import { createServer, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import t from "tap";
import { UpstreamAuthority } from "../../../src/relay/access/index.js";
import { createToken, startRelay } from "../../../src/relay/index.js";
import { SqliteStore } from "../../../src/relay/store/index.js";
import { createLogger, silentLogger } from "../../../src/util/index.js";
import { tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";
import { refusedUpgrade, WatchClient } from "../../support/watch-client.js";
import { fileOf } from "../support/fake-agent.js";
import { RawConnection } from "../support/raw.js";
import { TestRelay } from "../support/relay.js";

const APP = "/home/me/app";
const ORGANIZATION = "33333333-3333-4333-8333-333333333333";
const PNG = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");

async function start(t: Parameters<typeof TestRelay.start>[0], options: Parameters<typeof TestRelay.start>[1] = {}) {
  const relay = await TestRelay.start(t, { mode: "upstream", ...options });
  if (relay.recorder === undefined) throw new Error("no upstream");
  return { relay, recorder: relay.recorder, headers: { "coder-session-token": relay.clientToken } };
}

t.test("calls reach the upstream as they are, and its answers come back as they are", async (t) => {
  const { relay, recorder, headers } = await start(t);
  const path = `/api/experimental/chats/files?organization=${ORGANIZATION}&x=%2F%20y`;
  const up = await fetch(relay.url + path, {
    method: "POST",
    body: PNG,
    headers: { ...headers, "content-type": "image/png", "content-disposition": 'a; filename="x.png"', "x-own": "kept" },
  });
  t.equal(up.status, 201);
  t.match(recorder.requests.at(-1), {
    method: "POST",
    url: path,
    bytes: PNG.length,
    headers: { ...headers, "content-type": "image/png", "content-length": "8", "x-own": "kept" },
  });
  recorder.answer = 418;
  const odd = await fetch(`${relay.url}/chats/anything/at/all`, { method: "DELETE", headers });
  t.same([odd.status, odd.headers.get("x-upstream"), await odd.text()], [418, "yes", "upstream says so"]);
  t.match(recorder.requests.at(-1), { method: "DELETE", url: "/chats/anything/at/all" });
});

t.test("answers come back as they are: redirects, repeated headers, validators", async (t) => {
  const { relay, recorder, headers } = await start(t);
  recorder.answer = (_incoming, outgoing) => {
    outgoing.writeHead(302, [
      ...["Location", "https://elsewhere.example/x", "Set-Cookie", "a=1; Path=/", "Set-Cookie", "b=2; HttpOnly"],
      ...["ETag", 'W/"x"', "X-Upstream", "yes", "Content-Type", "text/plain; charset=latin1"],
      ...["Connection", "keep-alive, X-Hop", "X-Hop", "1", "Keep-Alive", "timeout=99", "Proxy-Authenticate", "Basic"],
    ]);
    outgoing.end("body");
  };
  const response = await fetch(`${relay.url}/chats/${relay.chat}`, { headers, redirect: "manual" });
  t.equal(response.status, 302);
  t.match(Object.fromEntries(response.headers), {
    location: "https://elsewhere.example/x",
    etag: 'W/"x"',
    "x-upstream": "yes",
    "content-type": "text/plain; charset=latin1",
  });
  t.same(response.headers.getSetCookie(), ["a=1; Path=/", "b=2; HttpOnly"]);
  for (const name of ["x-hop", "proxy-authenticate"]) t.equal(response.headers.get(name), null, name);
  t.notMatch(response.headers.get("keep-alive") ?? "", "99");
  t.equal(await response.text(), "body");
});

t.test("hop-by-hop headers stay on their hop", async (t) => {
  const { relay, recorder, headers } = await start(t);
  const call = request(`${relay.url}/chats/${relay.chat}`, {
    headers: {
      ...headers,
      ...{ connection: "x-secret, keep-alive", "x-secret": "1", te: "trailers", "keep-alive": "timeout=99" },
      ...{ "proxy-authorization": "Basic x", "proxy-connection": "close", "x-end": "to end" },
    },
  });
  call.end();
  const [response] = await once(call, "response");
  response.resume();
  await once(response, "end");
  const got = recorder.requests.at(-1)?.headers ?? {};
  t.equal(got["x-end"], "to end");
  for (const name of ["x-secret", "te", "keep-alive", "proxy-authorization", "proxy-connection"]) {
    t.equal(got[name], undefined, name);
  }
});

t.test("who waits for 100 Continue is told to go on", async (t) => {
  const { relay, recorder, headers } = await start(t);
  const call = request(`${relay.url}/chats/files?organization=${ORGANIZATION}`, {
    method: "POST",
    headers: { ...headers, "content-type": "image/png", "content-length": PNG.length, expect: "100-continue" },
  });
  call.flushHeaders();
  await once(call, "continue");
  call.end(PNG);
  const [response] = await once(call, "response");
  t.equal(response.statusCode, 201);
  response.resume();
  t.equal(recorder.requests.at(-1)?.bytes, PNG.length);
});

t.test("an answer goes through while it comes, and one that breaks off is not made whole", async (t) => {
  const { relay, recorder, headers } = await start(t);
  let upstream: ServerResponse | undefined;
  recorder.answer = (_incoming, outgoing) => {
    upstream = outgoing;
    outgoing.writeHead(200, { "content-type": "image/png", "content-length": "1000" });
    outgoing.write(PNG);
  };
  const call = request(`${relay.url}/chats/files/${ORGANIZATION}`, { headers });
  call.end();
  const [response] = await once(call, "response");
  const [first] = await once(response, "data");
  t.same(first, PNG, "the first bytes are here while the rest is not even written");
  const broken = once(response, "error");
  response.resume();
  upstream?.destroy();
  t.match((await broken)[0], { code: "ECONNRESET" });
});

t.test("bodies go through while they come", async (t) => {
  const { relay, recorder, headers } = await start(t);
  const call = request(`${relay.url}/chats/files?organization=${ORGANIZATION}`, {
    method: "POST",
    headers: { ...headers, "content-type": "image/png" },
  });
  call.write(PNG);
  await until("the first bytes are at the upstream", () => recorder.requests.at(-1)?.bytes === PNG.length);
  call.end(PNG);
  const [response] = await once(call, "response");
  t.equal(response.statusCode, 201);
  response.resume();
});

t.test("nothing but the chat routes goes to the upstream", async (t) => {
  const { relay, recorder, headers } = await start(t);
  for (const path of ["/api/v2/users/me", "/api/v2/chats/..%2fusers", "/chats/%2e%2e/users", "/api/v2/chatsandmore"]) {
    const response = await fetch(relay.url + path, { headers });
    t.ok(response.status === 404 || response.status === 400, `${path}: ${response.status}`);
  }
  t.same(recorder.requests, []);
});

t.test("who may watch is asked of the upstream in the caller's name", async (t) => {
  const { relay, recorder, headers } = await start(t);
  await relay.agent([]);
  await (await relay.client()).first();
  const asked = recorder.requests.filter(({ method }) => method === "GET");
  t.match(asked[0], { url: `/api/v2/chats/${relay.chat}`, headers });
});

t.test(
  "who may watch is asked once in a while, by however many callers at once, and anew after a change",
  async (t) => {
    const { relay, recorder } = await start(t);
    // beside the relay, which asks anew at some moment after each write to its store
    const store = new SqliteStore(tempDir(t));
    t.teardown(() => store.close());
    await store.tokens.create({ kind: "agent", workspace: relay.workspace });
    let now = 1;
    const options = { url: new URL(recorder.url), timeoutMs: 60_000, now: () => now };
    const authority = new UpstreamAuthority(store, options, [], silentLogger());
    const calling = { method: "GET", query: new URLSearchParams(), host: "relay", isUpgrade: true };
    const asked = async (callers: number) => {
      const before = recorder.requests.length;
      const ask = async () => {
        const client = await authority.authenticate({
          ...calling,
          headers: { "coder-session-token": relay.clientToken },
        });
        return client.ok && authority.watchable(client.ok, relay.chat, "/api/v2");
      };
      for (const answer of await Promise.all(Array.from({ length: callers }, ask))) {
        t.match(answer, { ok: { workspace: relay.workspace } });
      }
      return recorder.requests.length - before;
    };
    t.equal(await asked(3), 1, "at the same moment");
    now += 2_900;
    t.equal(await asked(2), 0, "within a few seconds");
    now += 200;
    t.equal(await asked(2), 1, "when the answer has aged");
    authority.forget();
    t.equal(await asked(2), 1, "when something has changed");
  },
);

t.test("a token that the upstream no longer takes closes its sockets", async (t) => {
  const { relay, recorder } = await start(t);
  await relay.agent([]);
  const client = await relay.client();
  await client.first();
  recorder.answer = 401;
  await createToken(relay.ownDir, { kind: "client", user: "x" }); // whatever is written here lets the relay ask again
  t.equal(await client.closed(), 4003);
});

t.test("a chat whose workspace the upstream does not show its caller is forbidden", async (t) => {
  const { relay, recorder, headers } = await start(t);
  await relay.agent([]);
  recorder.answer = 403;
  const refused = await refusedUpgrade(t, relay.watchUrl(), { headers });
  t.same([refused.status, refused.body], [403, { message: "Forbidden." }]);
});

t.test("a page that a proxy shows in the upstream's place refuses nobody, and ends no stream", async (t) => {
  const { relay, recorder } = await start(t);
  const agent = await relay.agent([APP]);
  agent.tell(APP, []);
  const client = await relay.client();
  await client.first();
  for (const status of [404, 403, 401]) {
    recorder.answer = (_incoming, outgoing) => {
      outgoing.writeHead(status, { "content-type": "text/html; charset=utf-8" }).end("<h1>Not now</h1>");
    };
    const headers = { "coder-session-token": `x${status}` };
    t.equal((await refusedUpgrade(t, relay.watchUrl(), { headers })).status, 502, String(status));
  }
  const before = recorder.requests.length;
  await createToken(relay.ownDir, { kind: "client", user: "x" }); // whatever is written here lets the relay ask again
  await until("the relay has asked again", () => recorder.requests.length > before);
  agent.tell(APP, [fileOf("x", "still live")]);
  await client.diffWith(APP, "still live");
});

t.test("an upstream that does not listen gives 502", async (t) => {
  const closed = createServer().listen(0, "127.0.0.1");
  await once(closed, "listening");
  const { port } = closed.address() as AddressInfo;
  closed.close();
  const lines: string[] = [];
  const log = createLogger("relay", "warn", { write: (line) => lines.push(line) });
  const relay = await startRelay({ dataDir: tempDir(t), port: 0, log, upstream: `http://127.0.0.1:${port}` });
  t.teardown(() => relay.close());
  const headers = { "coder-session-token": "the-secret" };
  const call = await fetch(`${relay.url}/chats/${ORGANIZATION}`, { headers });
  t.equal(call.status, 502);
  t.match(await call.json(), { message: "Bad gateway." });
  const refused = await refusedUpgrade(t, `${relay.url}/chats/${ORGANIZATION}/git/watch`, { headers });
  t.equal(refused.status, 502);
  const [logged] = lines.map((line) => JSON.parse(line)).filter(({ chat }) => chat === ORGANIZATION);
  t.match(logged, { err: { type: "TypeError", message: /ECONNREFUSED/, stack: String } });
  t.notMatch(lines.join(""), "the-secret");
});

t.test("an upstream that is down, slow or talks nonsense gives 502 or 504, and live streams go on", async (t) => {
  const { relay, recorder, headers } = await start(t, { upstreamTimeoutMs: 300 });
  const agent = await relay.agent([APP]);
  agent.tell(APP, []);
  const client = await relay.client();
  await client.first();
  const other = { "coder-session-token": `${relay.clientToken}x` };
  for (const [answer, status, message] of [
    ["cut", 502, "Bad gateway."],
    ["silence", 504, "Gateway timeout."],
  ] as const) {
    recorder.answer = answer;
    const call = await fetch(`${relay.url}/chats/${relay.chat}`, { headers });
    t.equal(call.status, status, `a call, ${answer}`);
    t.match(await call.json(), { message, detail: String });
    const refused = await refusedUpgrade(t, relay.watchUrl(), { headers: other });
    t.match(refused, { status, body: { message } }, `an upgrade, ${answer}`);
  }
  recorder.answer = 200; // and no JSON
  t.equal((await refusedUpgrade(t, relay.watchUrl(), { headers: other })).status, 502);
  agent.tell(APP, [fileOf("x", "still live")]);
  await client.diffWith(APP, "still live");
  t.equal(client.closeCode, undefined);
});

t.test("clients that are reset while the upstream is asked use up nothing", async (t) => {
  const { relay, recorder } = await start(t, { limits: { socketsPerToken: 2 } });
  await relay.agent([]);
  const chat = JSON.stringify({ id: relay.chat, workspace_id: relay.workspace, archived: false });
  const answer = (outgoing: ServerResponse) =>
    outgoing.writeHead(200, { "content-type": "application/json" }).end(chat);
  const held: ServerResponse[] = [];
  recorder.answer = (_incoming, outgoing) => held.push(outgoing);
  const headers = { "coder-session-token": relay.clientToken };
  const lines = [
    `GET /chats/${relay.chat}/git/watch HTTP/1.1`,
    ...["Host: relay", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"],
    `Sec-WebSocket-Key: ${Buffer.alloc(16).toString("base64")}`,
    `Coder-Session-Token: ${relay.clientToken}`,
  ];
  const connections = [1, 2, 3].map(() => new RawConnection(t, relay.url));
  for (const { socket } of connections) socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  await until("the upstream is asked", () => held.length > 0);
  for (const { socket } of connections) socket.resetAndDestroy();
  // what is asked after the resets is answered after them
  for (let count = 0; count < 3; count += 1) await (await fetch(`${relay.url}/healthz`)).text();
  recorder.answer = (_incoming, outgoing) => answer(outgoing);
  for (const outgoing of held) answer(outgoing);
  for (let count = 0; count < 2; count += 1) await (await WatchClient.open(t, relay.watchUrl(), { headers })).first();
  t.equal((await refusedUpgrade(t, relay.watchUrl(), { headers })).status, 429, "and the limit holds");
});
