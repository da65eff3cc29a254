import { randomUUID } from "node:crypto";
import t from "tap";
import { TUNNEL_PATH, TUNNEL_SUBPROTOCOL, TUNNEL_VERSION } from "../../src/protocol/index.js";
import { createToken } from "../../src/relay/index.js";
import { StoreUnavailableError } from "../../src/relay/store/index.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { refusedUpgrade, WatchClient } from "../support/watch-client.js";
import { CoderClient } from "./support/coder-client.js";
import { FakeAgent, fileOf } from "./support/fake-agent.js";
import { LateStore } from "./support/late-store.js";
import { TestRelay } from "./support/relay.js";
import { updateOf } from "./support/states.js";

const APP = "/home/me/app";
const PNG = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
const idOf = (token: string) => token.split("_")[1] ?? "";

/** A relay whose store answers late, with an agent that shows a tree, and what an admin and alice may call. */
async function start(t: Cleanup) {
  let late: LateStore | undefined;
  const open = (dataDir: string) => {
    late = new LateStore(dataDir);
    return late;
  };
  const relay = await TestRelay.start(t, { store: open });
  if (late === undefined) throw new Error("it was opened");
  const agent = await relay.agent([APP]);
  agent.tell(APP, [fileOf("x", "one")]);
  const admin = await createToken(relay.dataDir, { kind: "client", user: "root", admin: true });
  const call = async (method: string, path: string, token: string, body?: unknown, type = "application/json") => {
    const isFile = body instanceof Uint8Array;
    const response = await fetch(relay.url + path, {
      method,
      headers: { "coder-session-token": token, ...(body !== undefined && { "content-type": type }) },
      ...(body !== undefined && { body: isFile ? new Blob([body as Uint8Array<ArrayBuffer>]) : JSON.stringify(body) }),
    });
    await response.arrayBuffer();
    return response;
  };
  return { relay, store: late, agent, admin, call };
}

t.test("a relay whose store answers late serves as any other", async (t) => {
  const { relay, agent, admin, call } = await start(t);
  const client = await relay.client();
  await client.diffWith(APP, "one");
  agent.tell(APP, [fileOf("x", "two")]);
  await client.diffWith(APP, "two");
  t.equal(
    (await call("POST", `/chats/files?organization=${randomUUID()}`, relay.clientToken, PNG, "image/png")).status,
    201,
  );
  const binding = { workspace: relay.workspace, paths: ["/elsewhere"] };
  t.equal((await call("PUT", `/admin/chats/${relay.chat}/binding`, admin, binding)).status, 200);
  await call("POST", `/chats/${relay.chat}/archive`, relay.clientToken);
  t.equal(await client.closed(), 1001);
  await call("DELETE", `/admin/tokens/${idOf(relay.agentToken)}`, admin);
  t.equal(await agent.closed(), 4003);
});

t.test("a relay listens while its store sweeps beside, and notes what becomes of it", async (t) => {
  const store = new LateStore(tempDir(t));
  let fail = (_: Error) => {};
  const swept = new Promise<void>((_, reject) => {
    fail = reject;
  });
  const open = () => Object.assign(store, { files: { ...store.files, sweepsBeside: true, sweep: () => swept } });
  const relay = await TestRelay.start(t, { store: open });
  t.equal((await fetch(`${relay.url}/healthz`)).status, 200);
  fail(new StoreUnavailableError("failing"));
  await swept.catch(() => undefined);
  t.same([...store.health.errors], [["failing", 1]]);
  t.equal((await fetch(`${relay.url}/healthz`)).status, 200);
});

t.test("whose token is revoked, or whose chat is archived, while they are let in, does not stay", async (t) => {
  const { relay, store, admin, call } = await start(t);
  const archived = store.hold("tokens.isLive");
  const opening = relay.client();
  await archived.asked;
  t.equal((await call("POST", `/chats/${relay.chat}/archive`, relay.clientToken)).status, 204);
  archived.release();
  const client = await opening;
  t.equal(await client.closed(), 1001);
  t.match(client.errors.at(-1), "chat is archived");
  await call("POST", `/chats/${relay.chat}/unarchive`, relay.clientToken);

  for (const open of [
    (token: string) => WatchClient.open(t, relay.watchUrl(), { token }),
    async (token: string) => new CoderClient(t, relay.url, token).watch(),
  ]) {
    const token = await createToken(relay.dataDir, { kind: "client", user: "alice" });
    const revoked = store.hold("tokens.isLive");
    const opened = open(token);
    await revoked.asked;
    t.equal((await call("DELETE", `/admin/tokens/${idOf(token)}`, admin)).status, 204);
    revoked.release();
    t.equal(await (await opened).closed(), 4003);
  }
});

t.test("what an agent says while the store is asked about its hello is heard after it, in order", async (t) => {
  const { relay, store } = await start(t);
  const hello = store.hold("tokens.isLive");
  const agent = await FakeAgent.connect(t, relay.url, await relay.newAgentToken(), { hello: false });
  agent.send({ type: "hello", protocol: TUNNEL_VERSION, agent: "early" });
  agent.send(updateOf([]));
  agent.send(updateOf([], { seq: 2, base: 1 }));
  await hello.asked;
  t.same(agent.received, []);
  hello.release();
  t.match(await agent.next("ack", 2), { seq: 2 });
  t.same(
    agent.received.filter(({ type }) => type !== "watch").map(({ type }) => type),
    ["welcome", "ack", "ack"],
  );
});

t.test("a store that answers nothing is 503 and never 401, and what is shown goes on", async (t) => {
  const { relay, store, agent, admin, call } = await start(t);
  const client = await relay.client();
  await client.diffWith(APP, "one");
  store.down = "all";
  const unavailable = (what: string, { status, headers }: { status: number; headers: unknown }) => {
    const retryAfter = headers instanceof Headers ? headers.get("retry-after") : Object(headers)["retry-after"];
    t.same([status, retryAfter], [503, "5"], what);
  };
  for (const [method, path, body] of requestsOf(relay)) {
    unavailable(
      `${method} ${path}`,
      await call(method, path, path.startsWith("/admin") ? admin : relay.clientToken, body),
    );
  }
  unavailable("/readyz", await call("GET", "/readyz", admin));
  const token = relay.clientToken;
  unavailable("a watch socket", await refusedUpgrade(t, relay.watchUrl(), { token }));
  unavailable("chat events", await refusedUpgrade(t, `${relay.url}/chats/watch`, { token }));
  const headers = { authorization: `Bearer ${relay.agentToken}`, "sec-websocket-protocol": TUNNEL_SUBPROTOCOL };
  unavailable("a tunnel", await refusedUpgrade(t, relay.url + TUNNEL_PATH, { headers }));
  agent.tell(APP, [fileOf("x", "meanwhile")]);
  await client.diffWith(APP, "meanwhile");
  store.down = undefined;
  await (await relay.client()).diffWith(APP, "meanwhile");
  t.same([agent.closeCode, client.closeCode], [undefined, undefined]);
});

t.test("whichever question is not answered, whoever needs the answer hears 503, and nobody else", async (t) => {
  const { relay, store, admin, call } = await start(t);
  const requests = requestsOf(relay);
  const tokenFor = (path: string) => (path.startsWith("/admin") || path === "/metrics" ? admin : relay.clientToken);
  const ask = async ([method, path, body, type]: Asked) =>
    (await call(method, path, tokenFor(path), body, type)).status;
  for (const each of requests) await ask(each); // what they change is changed
  const usual: number[] = [];
  for (const each of requests) usual.push(await ask(each));
  for (const question of [
    ...["create", "verify", "isLive", "list", "revoke", "knowsWorkspace"].map((name) => `tokens.${name}`),
    ...["get", "bind", "list", "page", "unbind", "update"].map((name) => `chats.${name}`),
    ...["view", "join"].map((name) => `invites.${name}`),
    ...["stage", "add", "get", "usedBy", "totals", "freeBytes"].map((name) => `files.${name}`),
  ]) {
    store.down = question;
    let missed = 0;
    for (const [at, each] of requests.entries()) {
      store.unanswered = 0;
      const status = await ask(each);
      // a scrape goes on without what is not known: it has more to say of a store in trouble than of any other
      const isNeeded = each[1] !== "/metrics" || !question.startsWith("files.");
      const expected = store.unanswered > 0 && isNeeded ? 503 : usual[at];
      if (store.unanswered > 0) missed += 1;
      if (status !== expected) t.fail(`${each[0]} ${each[1]} without ${question}: ${status}, not ${expected}`);
    }
    t.ok(missed > 0, `${question} is asked by somebody`);
  }
});

type Asked = [method: string, path: string, body?: unknown, type?: string];

/** Requests that may be made again and again: all that ask the store. */
function requestsOf({ chat, workspace }: TestRelay): Asked[] {
  const nobody = randomUUID();
  return [
    ["GET", "/chats"],
    ["GET", `/chats/${chat}`],
    ["PATCH", `/chats/${chat}`, { title: "x" }],
    ["POST", `/chats/${chat}/unarchive`],
    ["GET", `/chats/${chat}/git/watch`],
    ["GET", `/chats/${nobody}/git/commits`],
    ["GET", `/chats/${nobody}/diff`],
    ["POST", `/chats/files?organization=${nobody}`, PNG, "image/png"],
    ["GET", `/chats/files/${nobody}`],
    ["DELETE", `/chats/files/${nobody}`],
    ["GET", "/admin/tokens"],
    ["POST", "/admin/tokens", { kind: "client", user: "bob" }],
    ["DELETE", "/admin/tokens/0123456789abcdef"],
    ["GET", "/admin/chats"],
    ["PUT", `/admin/chats/${chat}/binding`, { workspace, owner: "alice" }],
    ["DELETE", `/admin/chats/${nobody}/binding`],
    ["GET", "/metrics"],
    ["POST", "/session", { token: `twc_0123456789abcdef_${"x".repeat(43)}` }],
    ["POST", "/session", { invite: "x".repeat(22) }],
    ["POST", "/join", { secret: "x".repeat(22), hostname: "h" }],
  ];
}
