import { randomUUID } from "node:crypto";
import t from "tap";
import { z } from "zod";
import { bindChat, createToken, listChats, listTokens, revokeToken, unbindChat } from "../../../src/relay/index.js";
import { refusedUpgrade } from "../../support/watch-client.js";
import { MODES, TestRelay } from "../support/relay.js";

const APP = "/home/me/app";

function api(relay: TestRelay, auth: Record<string, string> = { "coder-session-token": relay.clientToken }) {
  return async (method: string, path: string, body?: unknown, query = "") => {
    const response = await fetch(`${relay.url}/api/v2/chats/${path}${query}`, {
      method,
      headers: { ...auth, ...(body !== undefined && { "content-type": "application/json" }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return [response.status, text === "" ? undefined : JSON.parse(text)] as const;
  };
}

for (const mode of MODES) {
  t.test(`${mode}: a chat, as Coder's API has it`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const call = api(relay);
    const [status, chat] = await call("GET", relay.chat);
    t.equal(status, 200);
    t.match(chat, { created_at: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/, updated_at: /Z$/ });
    t.match(chat, {
      id: relay.chat,
      owner_name: "alice",
      workspace_id: relay.workspace,
      parent_chat_id: null,
      archived: false,
    });
    t.same((await call("GET", "nonsense"))[0], 400);
    t.same((await call("GET", randomUUID()))[0], 404);
    t.same((await api(relay, {})("GET", relay.chat))[0], 401);
  });

  t.test(`${mode}: an id in upper case names the same chat, workspace and file`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    await relay.bind({ chat: relay.chat.toUpperCase(), workspace: relay.workspace.toUpperCase() });
    const call = api(relay);
    const [status, chat] = await call("GET", relay.chat.toUpperCase());
    t.match([status, chat], [200, { id: relay.chat, workspace_id: relay.workspace }]);
    const agent = await relay.agent([APP]);
    agent.tell(APP, []);
    const client = await relay.client(relay.chat.toUpperCase());
    await client.first();
    t.same(
      agent.all("watch").map((message) => message.chat),
      [relay.chat],
    );
    await (await relay.client()).first();
    t.equal(agent.all("watch").length, 1, "both look at one chat");
    agent.send({ type: "trouble", root: null, chat: relay.chat.toUpperCase(), code: "X", message: "of this chat" });
    await client.error(/of this chat/);

    const upload = await fetch(`${relay.url}/chats/files?organization=${randomUUID().toUpperCase()}`, {
      method: "POST",
      headers: { "coder-session-token": relay.clientToken, "content-type": "image/png" },
      body: Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    });
    const { id } = z.object({ id: z.string() }).parse(await upload.json());
    const headers = { "coder-session-token": relay.clientToken };
    t.equal((await fetch(`${relay.url}/chats/files/${id.toUpperCase()}`, { headers })).status, 200);
  });

  t.test(`${mode}: the calls are served under every prefix`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const auth = { "coder-session-token": relay.clientToken };
    for (const prefix of ["/api/v2", "/api/experimental", ""]) {
      const call = async (method: string, path: string, body?: string | Uint8Array, type = "application/json") => {
        const headers = { ...auth, ...(body !== undefined && { "content-type": type }) };
        const response = await fetch(`${relay.url}${prefix}/chats/${path}`, { method, headers, ...(body && { body }) });
        return [response.status, await response.text()] as const;
      };
      t.equal((await call("GET", relay.chat))[0], 200, prefix);
      t.equal((await call("POST", `${relay.chat}/archive`))[0], 204, prefix);
      t.equal((await call("POST", `${relay.chat}/unarchive`, "{}"))[0], 204, "with a body that nobody asked for");
      t.equal((await call("PATCH", relay.chat, '{"archived":true}'))[0], 204, prefix);
      t.equal((await call("PATCH", relay.chat, '{"archived":false}'))[0], 204, prefix);
      const png = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
      const [status, body] = await call("POST", `files?organization=${randomUUID()}`, png, "image/png");
      t.equal(status, 201, prefix);
      t.equal((await call("GET", `files/${JSON.parse(body).id}`))[0], 200, prefix);
    }
  });

  t.test(`${mode}: archive and unarchive answer 204 once, and 400 twice`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const call = api(relay);
    t.same(await call("POST", `${relay.chat}/archive`), [204, undefined]);
    t.same(await call("POST", `${relay.chat}/archive`), [400, { message: "Chat is already archived." }]);
    t.same((await call("GET", relay.chat))[1].archived, true);
    t.same(await call("POST", `${relay.chat}/unarchive`), [204, undefined]);
    t.same(await call("POST", `${relay.chat}/unarchive`), [400, { message: "Chat is not archived." }]);
    t.same(await call("PATCH", relay.chat, { archived: true }), [204, undefined]);
    t.same(await call("PATCH", relay.chat, { archived: true }), [400, { message: "Chat is already archived." }]);
    t.same(await call("PATCH", relay.chat, { archived: false }), [204, undefined]);
    const [status, body] = await call("PATCH", relay.chat, { archived: "yes" });
    t.equal(status, 400);
    t.match(body, { message: String, validations: [{ field: "archived", detail: String }] });
    const stranger = { "coder-session-token": await createToken(relay.dataDir, { kind: "client", user: "mallory" }) };
    t.same((await api(relay, stranger)("POST", `${relay.chat}/archive`))[0], 404);
  });

  t.test(`${mode}: the root's state cascades to its children, which cannot change it`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const call = api(relay);
    const child = randomUUID();
    const grandchild = randomUUID();
    await bindChat(relay.dataDir, { chat: child, workspace: relay.workspace, parent: relay.chat });
    await bindChat(relay.dataDir, { chat: grandchild, workspace: relay.workspace, parent: child });
    const notRoot = [400, { message: "Chat archive state can only be changed on the root chat." }];
    t.same(await call("POST", `${child}/archive`), notRoot);
    t.same(await call("PATCH", grandchild, { archived: true }), notRoot);
    await call("POST", `${relay.chat}/archive`);
    t.same((await call("GET", grandchild))[1], {
      ...(await call("GET", grandchild))[1],
      archived: true,
      parent_chat_id: child,
    });
    t.same(await call("POST", `${child}/unarchive`), notRoot);
    await call("POST", `${relay.chat}/unarchive`);
    t.same((await call("GET", grandchild))[1].archived, false);
  });

  t.test(`${mode}: archiving stops the watching: sockets, agent, and new watches`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const agent = await relay.agent([APP]);
    agent.tell(APP, []);
    const client = await relay.client();
    await client.first();
    await api(relay)("POST", `${relay.chat}/archive`);
    await client.error(/^chat is archived$/);
    t.equal(await client.closed(), 1001);
    t.equal((await agent.next("unwatch")).chat, relay.chat);
    const refused = await refusedUpgrade(t, relay.watchUrl(), {
      headers: { "coder-session-token": relay.clientToken },
    });
    t.same([refused.status, refused.body], [400, { message: "Chat is archived." }]);
    await api(relay)("POST", `${relay.chat}/unarchive`);
    await (await relay.client()).first();
  });

  t.test(`${mode}: a cookie changes nothing without the same token beside it`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const cookie = { cookie: `coder_session_token=${relay.clientToken}` };
    const call = api(relay, cookie);
    t.same((await call("GET", relay.chat))[0], 200);
    t.same((await call("POST", `${relay.chat}/archive`))[0], 401);
    t.same((await call("PATCH", relay.chat, { archived: true }))[0], 401);
    t.same((await call("POST", `${relay.chat}/archive`, undefined, "?coder_session_token=other"))[0], 401);
    t.same(
      (await call("POST", `${relay.chat}/archive`, undefined, `?coder_session_token=${relay.clientToken}`))[0],
      204,
    );
    const both = api(relay, { ...cookie, "coder-session-token": relay.clientToken });
    t.same((await both("POST", `${relay.chat}/unarchive`))[0], 204);
  });
}

t.test("a token that is revoked closes its sockets, and no others", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP]);
  agent.tell(APP, []);
  const other = await createToken(relay.dataDir, { kind: "client", user: "alice" });
  const mine = await relay.client();
  const theirs = await relay.client(relay.chat, other);
  await mine.first();
  await theirs.first();
  const idOf = (token: string) => token.split("_")[1] ?? "";
  await revokeToken(relay.dataDir, idOf(relay.clientToken));
  t.equal(await mine.closed(), 4003);
  const refused = await refusedUpgrade(t, relay.watchUrl(), { headers: { "coder-session-token": relay.clientToken } });
  t.equal(refused.status, 401);
  t.equal(theirs.closeCode, undefined);

  await revokeToken(relay.dataDir, idOf(relay.agentToken));
  t.equal(await agent.closed(), 4003);
  const listed = await listTokens(relay.dataDir);
  t.equal(listed.filter(({ revokedAt }) => revokedAt !== undefined).length, 2);
  t.notMatch(JSON.stringify(listed), relay.clientToken.slice(21), "the secret is nowhere");
  await t.rejects(revokeToken(relay.dataDir, "0123456789abcdef"), { code: "TW_NO_SUCH_TOKEN" });
});

t.test("a token that expires closes its sockets", async (t) => {
  const relay = await TestRelay.start(t);
  await relay.agent([]);
  const expiresAt = new Date(Date.now() + 1_000);
  const token = await createToken(relay.dataDir, { kind: "client", user: "alice", expiresAt });
  const client = await relay.client(relay.chat, token);
  await client.first();
  t.equal(await client.closed(), 4003);
  t.ok(Date.now() >= expiresAt.getTime());
});

t.test("a chat that is unbound is closed to those who look, and stays", async (t) => {
  const relay = await TestRelay.start(t);
  await relay.agent([]);
  const client = await relay.client();
  await client.first();
  await unbindChat(relay.dataDir, relay.chat);
  await client.error(/^Chat has no workspace to watch\.$/);
  t.equal(await client.closed(), 1001);
  const refused = await refusedUpgrade(t, relay.watchUrl(), { headers: { "coder-session-token": relay.clientToken } });
  t.same([refused.status, refused.body], [400, { message: "Chat has no workspace to watch." }]);
  t.match(await listChats(relay.dataDir, "alice"), [{ id: relay.chat, workspace: undefined }]);
  t.same(await listChats(relay.dataDir, "bob"), []);
  await t.rejects(unbindChat(relay.dataDir, randomUUID()), { code: "TW_NO_SUCH_CHAT" });
});
