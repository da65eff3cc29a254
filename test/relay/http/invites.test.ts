import { readFileSync } from "node:fs";
import { mock } from "node:test";
import t from "tap";
import { invite, listTokens, revokeToken } from "../../../src/relay/index.js";
import { TestRelay } from "../support/relay.js";

const JSON_TYPE = { "content-type": "application/json" };
const PUBLIC = "https://relay.example/treewire";

async function post(url: string, path: string, body: unknown, headers: Record<string, string> = {}) {
  const init = { method: "POST", headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(body) };
  const answer = await fetch(`${url}/${path}`, init);
  const said = (await answer.json()) as Record<string, string>;
  const [cookie = ""] = (answer.headers.get("set-cookie") ?? "").split(";");
  return { status: answer.status, said, cookie, retryAfter: answer.headers.get("retry-after") };
}

const secretOf = (link: string) => link.replace(/^.*#(?:agent|view)-/, "");
const join = (url: string, link: string) => post(url, "join", { secret: secretOf(link), hostname: "box" });
const open = (url: string, link: string) => post(url, "session", { invite: secretOf(link) });

t.test("an agent's invite counts once, and what it gives is the token of its workspace", async (t) => {
  const relay = await TestRelay.start(t);
  const made = await invite(relay.dataDir, { url: `${PUBLIC}/` });
  t.match(made.agentUrl, /^https:\/\/relay\.example\/treewire\/#agent-[\w-]{22}$/);
  const first = await join(relay.url, made.agentUrl);
  t.match(first, { status: 200, said: { workspace: made.workspace, chat: made.chat, relay: PUBLIC } });
  const agent = await relay.agent(["/home/me/app"], first.said.token);
  t.ok(agent, "the relay takes it");
  const again = await join(relay.url, made.agentUrl);
  t.match(again, { status: 401, said: { message: "This invite is used, expired or unknown. Ask for a new one." } });
  const unknown = await join(relay.url, `#agent-${"A".repeat(22)}`);
  t.same(unknown.said, again.said, "used and unknown are told in the same words");
  t.equal(
    (await join(relay.url, (await invite(relay.dataDir, { url: PUBLIC })).viewUrl)).status,
    401,
    "people's is no agent's",
  );
});

t.test("people's invite makes as many sessions as it says, which see their chat alone and can be ended", async (t) => {
  const relay = await TestRelay.start(t);
  const made = await invite(relay.dataDir, { url: PUBLIC, owner: "alice", uses: 2 });
  const session = await open(relay.url, made.viewUrl);
  t.match(session, { status: 200, said: { chat: made.chat } });
  t.equal((await open(relay.url, made.viewUrl)).status, 200);
  t.equal((await open(relay.url, made.viewUrl)).status, 401, "the third");

  const watch = (chat: string) => fetch(relay.watchUrl(chat), { headers: { cookie: session.cookie } });
  t.match(
    await (await watch(made.chat)).json(),
    { message: /^Agent state is "disconnected"/ },
    "its workspace is known",
  );
  await relay.agent([]);
  t.equal((await watch(relay.chat)).status, 404, "another chat of the same owner");
  const listed = (await listTokens(relay.dataDir)).filter(({ isSession }) => isSession);
  t.equal(listed.length, 2);
  for (const { tokenId } of listed) await revokeToken(relay.dataDir, tokenId);
  t.equal((await watch(made.chat)).status, 401);
});

t.test("a session of an invite is signed out as any other", async (t) => {
  const relay = await TestRelay.start(t);
  const made = await invite(relay.dataDir, { url: PUBLIC });
  const { cookie } = await open(relay.url, made.viewUrl);
  const out = await fetch(`${relay.url}/session`, { method: "DELETE", headers: { ...JSON_TYPE, cookie } });
  t.equal(out.status, 204);
  t.equal((await fetch(`${relay.url}/chats`, { headers: { cookie } })).status, 401);
});

t.test("an invite is dead after ten minutes, and outlives a restart of the relay until then", async (t) => {
  const first = await TestRelay.start(t);
  const made = await invite(first.dataDir, { url: PUBLIC });
  const other = await invite(first.dataDir, { url: PUBLIC });
  await first.stop();
  const relay = await TestRelay.start(t, { dataDir: first.dataDir });
  t.equal((await join(relay.url, made.agentUrl)).status, 200);
  t.equal((await open(relay.url, made.viewUrl)).status, 200);
  mock.timers.enable({ apis: ["Date"], now: Date.now() + 10 * 60_000 + 1 });
  t.teardown(() => mock.timers.reset());
  for (const late of [await join(relay.url, other.agentUrl), await open(relay.url, other.viewUrl)]) {
    t.equal(late.status, 401);
  }
});

t.test("whoever guesses is slowed down, and then the right one is refused as well", async (t) => {
  const relay = await TestRelay.start(t, { limits: { failuresPerAddress: 5 } });
  const made = await invite(relay.dataDir, { url: PUBLIC });
  const statuses: number[] = [];
  for (let n = 0; n < 7; n += 1) statuses.push((await join(relay.url, `#agent-${"A".repeat(21)}${n}`)).status);
  t.same(statuses.slice(0, 5), Array(5).fill(401));
  t.equal(statuses.at(-1), 429);
  const right = await open(relay.url, made.viewUrl);
  t.equal(right.status, 429);
  t.ok(Number(right.retryAfter) > 0);
});

t.test("at rest there are hashes, and an invite is taken from no other site's page, prefix or type", async (t) => {
  const relay = await TestRelay.start(t);
  const made = await invite(relay.dataDir, { url: PUBLIC });
  for (const file of ["treewire.db", "treewire.db-wal"]) {
    const bytes = readFileSync(`${relay.dataDir}/${file}`).toString("latin1");
    for (const link of [made.agentUrl, made.viewUrl]) t.notOk(bytes.includes(secretOf(link)), file);
  }
  const secret = secretOf(made.agentUrl);
  const body = { secret, hostname: "box" };
  t.equal((await post(relay.url, "join", body, { origin: "https://evil.example.com" })).status, 403);
  t.equal((await post(relay.url, "join", body, { "content-type": "text/plain" })).status, 415);
  t.equal((await post(relay.url, "api/v2/join", body)).status, 404);
  t.equal((await post(relay.url, "join", { ...body, hostname: "x".repeat(256) })).status, 400);
  t.equal((await join(relay.url, made.agentUrl)).status, 200, "nothing of that has used it up");
});

t.test("with an upstream there are no invites", async (t) => {
  const relay = await TestRelay.start(t, { mode: "upstream" });
  const made = await invite(relay.ownDir, { url: PUBLIC });
  t.equal((await join(relay.url, made.agentUrl)).status, 403);
  t.equal((await open(relay.url, made.viewUrl)).status, 403);
});

t.test("an invitation that nobody could follow is not made", async (t) => {
  const relay = await TestRelay.start(t);
  const before = (await listTokens(relay.dataDir)).length;
  const bad = ["relay.example", "ftp://relay.example", "https://me:pw@relay.example", "https://relay.example/?x", ""];
  for (const url of bad) await t.rejects(invite(relay.dataDir, { url }), { code: "TW_BAD_URL" }, url);
  await t.rejects(invite(relay.dataDir, { url: PUBLIC, uses: 0 }), { code: "TW_BAD_USAGE" });
  await t.rejects(invite(relay.dataDir, { url: PUBLIC, paths: ["app"] }), { code: "TW_BAD_USAGE" });
  t.equal((await listTokens(relay.dataDir)).length, before);
});
