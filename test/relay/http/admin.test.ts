import { randomUUID } from "node:crypto";
import t from "tap";
import { z } from "zod";
import { createToken } from "../../../src/relay/index.js";
import { TestRelay } from "../support/relay.js";

function api(relay: TestRelay, token: string) {
  return async (method: string, path: string, body?: unknown): Promise<[status: number, body: unknown]> => {
    const response = await fetch(`${relay.url}/admin${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { "content-type": "application/json" }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return [response.status, text === "" ? undefined : JSON.parse(text)];
  };
}

async function adminOf(relay: TestRelay) {
  return api(relay, await createToken(relay.dataDir, { kind: "client", user: "root", admin: true }));
}

t.test("the admin API is for admins", async (t) => {
  const relay = await TestRelay.start(t);
  for (const [method, path] of [
    ["GET", "/tokens"],
    ["POST", "/tokens"],
    ["DELETE", "/tokens/x"],
    ["GET", "/chats"],
    ["PUT", `/chats/${relay.chat}/binding`],
    ["DELETE", `/chats/${relay.chat}/binding`],
  ] as const) {
    t.equal((await api(relay, "nonsense")(method, path))[0], 401, `${method} ${path} without a token`);
    t.equal((await api(relay, relay.clientToken)(method, path))[0], 403, `${method} ${path} for alice`);
    t.equal((await api(relay, relay.agentToken)(method, path))[0], 401, `${method} ${path} for an agent`);
  }
});

t.test("tokens are made, listed without their secrets, and revoked", async (t) => {
  const relay = await TestRelay.start(t);
  await relay.agent([]);
  const call = await adminOf(relay);
  const [status, made] = await call("POST", "/tokens", { kind: "client", user: "alice" });
  t.equal(status, 201);
  const { token } = z.object({ token: z.string() }).parse(made);
  const client = await relay.client(relay.chat, token);
  await client.first();
  const [, listed] = await call("GET", "/tokens");
  t.notMatch(JSON.stringify(listed), token.slice(21));
  const id = token.split("_")[1] ?? "";
  t.match(
    z
      .array(z.looseObject({ id: z.string() }))
      .parse(listed)
      .find((entry) => entry.id === id),
    {
      kind: "client",
      user: "alice",
      admin: false,
      revoked_at: null,
    },
  );
  t.same(await call("DELETE", `/tokens/${id}`), [204, undefined]);
  t.equal(await client.closed(), 4003);
  t.equal((await call("DELETE", "/tokens/0000000000000000"))[0], 404);
  t.equal((await call("POST", "/tokens", { kind: "agent" }))[0], 400);
  t.equal((await call("POST", "/tokens", { kind: "agent", workspace: randomUUID(), admin: true }))[0], 400);
});

t.test("chats are bound, listed and unbound, also while they are watched", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([]);
  const call = await adminOf(relay);
  const chat = randomUUID();
  const binding = { workspace: relay.workspace, owner: "alice", paths: ["/a"] };
  const [status, bound] = await call("PUT", `/chats/${chat}/binding`, binding);
  t.equal(status, 200);
  t.match(bound, { id: chat, owner_name: "alice", workspace_id: relay.workspace, paths: ["/a"] });
  const client = await relay.client(chat);
  await client.first();
  await call("PUT", `/chats/${chat}/binding`, { ...binding, paths: ["/b"] });
  t.same((await agent.next("watch", 2)).paths, ["/b"]);
  t.match((await call("GET", "/chats?owner=alice"))[1], [{ id: relay.chat }, { id: chat, paths: ["/b"] }]);
  t.same((await call("GET", "/chats?owner=bob"))[1], []);
  t.same(await call("DELETE", `/chats/${chat}/binding`), [204, undefined]);
  t.equal(await client.closed(), 1001);
  t.equal((await call("DELETE", `/chats/${randomUUID()}/binding`))[0], 404);
  t.equal((await call("PUT", `/chats/${chat}/binding`, { ...binding, parent: chat }))[0], 400);
  t.equal((await call("PUT", `/chats/${chat}/binding`, { ...binding, paths: ["relative"] }))[0], 400);
  t.equal((await call("PUT", "/chats/nonsense/binding", binding))[0], 400);
});

t.test("the API describes itself: every route once, with what it takes and answers", async (t) => {
  const relay = await TestRelay.start(t);
  const description = await (await fetch(`${relay.url}/openapi.json`)).json();
  const shape = z.object({
    openapi: z.string(),
    paths: z.record(
      z.string(),
      z.record(z.string(), z.looseObject({ summary: z.string(), responses: z.record(z.string(), z.unknown()) })),
    ),
  });
  const { openapi, paths } = shape.parse(description);
  t.equal(openapi, "3.1.0");
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  t.same(routes.filter((route) => !route.startsWith("head")).sort(), [
    "delete /admin/chats/{chat}/binding",
    "delete /admin/tokens/{id}",
    "delete /api/v2/chats/files/{file}",
    "delete /session",
    "get /admin/chats",
    "get /admin/tokens",
    "get /api/v2/chats",
    "get /api/v2/chats/files/{file}",
    "get /api/v2/chats/watch",
    "get /api/v2/chats/{chat}",
    "get /api/v2/chats/{chat}/diff",
    "get /api/v2/chats/{chat}/git/commits",
    "get /api/v2/chats/{chat}/git/file",
    "get /api/v2/chats/{chat}/git/watch",
    "get /api/v2/chats/{chat}/stream/git",
    "get /healthz",
    "get /metrics",
    "get /readyz",
    "patch /api/v2/chats/{chat}",
    "post /admin/tokens",
    "post /api/v2/chats/files",
    "post /api/v2/chats/{chat}/archive",
    "post /api/v2/chats/{chat}/unarchive",
    "post /join",
    "post /session",
    "put /admin/chats/{chat}/binding",
  ]);
});
