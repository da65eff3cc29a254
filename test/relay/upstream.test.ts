import { once } from "node:events";
import { request } from "node:http";
import t from "tap";
import { until } from "../support/until.js";
import { refusedUpgrade } from "./support/client.js";
import { fileOf } from "./support/fake-agent.js";
import { TestRelay } from "./support/relay.js";

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

t.test("hop-by-hop headers stay on their hop", async (t) => {
  const { relay, recorder, headers } = await start(t);
  const call = request(`${relay.url}/chats/${relay.chat}`, {
    headers: { ...headers, connection: "x-secret, keep-alive", "x-secret": "1", te: "trailers" },
  });
  call.end();
  const [response] = await once(call, "response");
  response.resume();
  await once(response, "end");
  t.notHas(recorder.requests.at(-1)?.headers, { "x-secret": "1" });
});

t.test("bodies go through while they come, in both directions", async (t) => {
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

t.test("who may watch is asked of the upstream in the caller's name, once in a while", async (t) => {
  const { relay, recorder, headers } = await start(t);
  await relay.agent([]);
  await Promise.all([1, 2, 3].map(async () => (await relay.client()).first()));
  const asked = recorder.requests.filter(({ method }) => method === "GET");
  t.equal(asked.length, 1);
  t.match(asked[0], { url: `/api/v2/chats/${relay.chat}`, headers });
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
