import t from "tap";
import { CLOSE } from "../../../src/protocol/index.js";
import { createToken, revokeToken } from "../../../src/relay/index.js";
import { TestRelay } from "../support/relay.js";

const JSON_TYPE = { "content-type": "application/json" };

/** Signs in. @returns the answer, and the cookie as a browser sends it back */
async function signIn(url: string, body: unknown, headers: Record<string, string> = {}) {
  const answer = await fetch(`${url}/session`, {
    method: "POST",
    headers: { ...JSON_TYPE, ...headers },
    body: JSON.stringify(body),
  });
  const [cookie = ""] = (answer.headers.get("set-cookie") ?? "").split(";");
  return { answer, cookie };
}

const chatsOf = (url: string, cookie: string) => fetch(`${url}/chats`, { headers: { cookie } });

t.test("a token is traded for a session, which counts until it is ended, and not after", async (t) => {
  const relay = await TestRelay.start(t);
  const { answer, cookie } = await signIn(relay.url, { token: relay.clientToken });
  t.equal(answer.status, 200);
  t.match(answer.headers.get("set-cookie"), /; Max-Age=2592000; HttpOnly; SameSite=Strict$/);
  t.notMatch(answer.headers.get("set-cookie"), /Path|Secure|Domain/, "on loopback, below any prefix");
  t.notOk(cookie.includes(relay.clientToken));
  const chats = await chatsOf(relay.url, cookie);
  t.same(
    ((await chats.json()) as { id: string }[]).map(({ id }) => id),
    [relay.chat],
  );

  const out = await fetch(`${relay.url}/session`, { method: "DELETE", headers: { ...JSON_TYPE, cookie } });
  t.equal(out.status, 204);
  t.match(out.headers.get("set-cookie"), /=; Max-Age=0;/);
  t.equal((await chatsOf(relay.url, cookie)).status, 401);
  const other = await fetch(`${relay.url}/chats`, { headers: { "coder-session-token": relay.clientToken } });
  t.equal(other.status, 200, "the token itself counts on");
});

t.test("a session ends with its token, and is no longer than that", async (t) => {
  const relay = await TestRelay.start(t);
  const expiresAt = new Date(Date.now() + 3_600_000);
  const token = await createToken(relay.dataDir, { kind: "client", user: "alice", expiresAt });
  const { answer, cookie } = await signIn(relay.url, { token });
  const [, age] = /Max-Age=(\d+)/.exec(answer.headers.get("set-cookie") ?? "") ?? [];
  t.ok(Number(age) <= 3_600 && Number(age) > 3_500, `${age} s`);
  const client = await relay.client(relay.chat, cookie.split("=")[1]).catch(() => undefined);
  t.equal(client, undefined, "no agent is there yet");
  t.equal((await chatsOf(relay.url, cookie)).status, 200);
  await revokeToken(relay.dataDir, /^twc_([0-9a-f]{16})_/.exec(token)?.[1] ?? "");
  t.equal((await chatsOf(relay.url, cookie)).status, 401);
});

t.test(
  "a session's open sockets end with the token that it was traded for, over another session as well",
  async (t) => {
    const relay = await TestRelay.start(t);
    await relay.agent([]);
    const trade = async (token: string) => (await signIn(relay.url, { token })).cookie.split("=")[1] ?? "";
    const session = await trade(relay.clientToken);
    const further = await trade(session);
    const watching = [await relay.client(relay.chat, session), await relay.client(relay.chat, further)];
    for (const client of watching) await client.first();
    await revokeToken(relay.dataDir, relay.clientToken);
    for (const client of watching) t.equal(await client.closed(), CLOSE.tokenRevoked.code);
    for (const token of [session, further]) {
      const answer = await fetch(`${relay.url}/chats`, { headers: { "coder-session-token": token } });
      t.equal(answer.status, 401);
    }
  },
);

t.test("a session that was traded for one, and so on without end, counts no more", async (t) => {
  const relay = await TestRelay.start(t);
  let token = relay.clientToken;
  let trades = 0;
  for (; trades < 20; trades += 1) {
    const { answer, cookie } = await signIn(relay.url, { token });
    if (answer.status !== 200) break;
    token = cookie.split("=")[1] ?? "";
  }
  t.ok(trades >= 2 && trades < 20, `${trades} trades`);
});

t.test("what is no client's token is refused, and so are other sites' pages and forms", async (t) => {
  const relay = await TestRelay.start(t);
  for (const token of ["nonsense", relay.agentToken, `${relay.clientToken}x`]) {
    const { answer, cookie } = await signIn(relay.url, { token });
    t.equal(answer.status, 401, token.slice(0, 4));
    t.equal(cookie, "");
  }
  const token = relay.clientToken;
  t.equal((await signIn(relay.url, { token }, { origin: "https://evil.example.com" })).answer.status, 403);
  t.equal((await signIn(relay.url, { token }, { origin: "null" })).answer.status, 403);
  t.equal((await signIn(relay.url, { token }, { origin: relay.url })).answer.status, 200);
  t.equal((await signIn(relay.url, { token }, { "content-type": "text/plain" })).answer.status, 415);
  t.equal((await signIn(relay.url, { token, more: 1 })).answer.status, 400);
  const { cookie } = await signIn(relay.url, { token });
  const forged = await fetch(`${relay.url}/session`, { method: "DELETE", headers: { cookie } });
  t.equal(forged.status, 415);
  t.equal((await chatsOf(relay.url, cookie)).status, 200, "nothing was ended");
  for (const prefix of ["/api/v2", "/api/experimental"]) {
    t.equal((await signIn(relay.url + prefix, { token })).answer.status, 404, "at the root alone");
  }
});

t.test("beyond loopback the cookie is for https alone; there it has Coder's name", async (t) => {
  const relay = await TestRelay.start(t, { trustProxy: ["loopback"] });
  const headers = { "x-forwarded-host": "relay.example.com" };
  const { answer, cookie } = await signIn(relay.url, { token: relay.clientToken }, headers);
  t.match(answer.headers.get("set-cookie"), /^coder_session_token=twc_.*; HttpOnly; Secure;/);
  const seen = await fetch(`${relay.url}/chats`, { headers: { ...headers, cookie } });
  t.equal(seen.status, 200);
});

t.test("with an upstream a token is taken unjudged, and the upstream judges it", async (t) => {
  const relay = await TestRelay.start(t, { mode: "upstream" });
  const { answer, cookie } = await signIn(relay.url, { token: relay.clientToken });
  t.equal(answer.status, 200);
  const chat = await fetch(`${relay.url}/api/v2/chats/${relay.chat}`, { headers: { cookie } });
  t.equal(chat.status, 200);
  const wrong = await signIn(relay.url, { token: "nonsense" });
  t.equal(wrong.answer.status, 200);
  const refused = await fetch(`${relay.url}/api/v2/chats/${relay.chat}`, { headers: { cookie: wrong.cookie } });
  t.equal(refused.status, 401);
});

t.test("one's own chats are listed newest first, in parts; an admin's are everybody's", async (t) => {
  const relay = await TestRelay.start(t);
  const ids: string[] = [];
  for (let at = 0; at < 5; at += 1) ids.push(await relay.bind({ chat: `00000000-0000-4000-8000-00000000000${at}` }));
  await relay.bind({ chat: "00000000-0000-4000-8000-0000000000ff", owner: "bob" });
  const list = async (query: string, token = relay.clientToken) => {
    const answer = await fetch(`${relay.url}/chats${query}`, { headers: { "coder-session-token": token } });
    return {
      status: answer.status,
      ids: answer.ok ? ((await answer.json()) as { id: string }[]).map(({ id }) => id) : [],
    };
  };
  t.same((await list("")).ids, [...ids.toReversed(), relay.chat]);
  t.same((await list("?limit=2&offset=1")).ids, ids.toReversed().slice(1, 3));
  t.same((await list("?archived=true")).ids, []);
  for (const query of ["?limit=0", "?limit=201", "?offset=-1", "?archived=maybe"])
    t.equal((await list(query)).status, 400);
  const admin = await createToken(relay.dataDir, { kind: "client", user: "root", admin: true });
  t.equal((await list("", admin)).ids.length, 7);
});
