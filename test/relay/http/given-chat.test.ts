import { randomUUID } from "node:crypto";
import t from "tap";
import { z } from "zod";
import { createToken, invite } from "../../../src/relay/index.js";
import { STREAM_NAMES } from "../../../src/relay/routes.js";
import { until } from "../../support/until.js";
import { TestSocket, WatchClient } from "../../support/watch-client.js";
import { TestRelay } from "../support/relay.js";

const PREFIXES = ["/api/v2", "/api/experimental", ""];
const PNG = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
const SECRET_TITLE = "what others need not know";

const documentSchema = z.looseObject({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) });

/** A relay with two chats of alice, and a session that was made for one of them by a link. */
async function start(t: Parameters<typeof TestRelay.start>[0]) {
  const relay = await TestRelay.start(t);
  const made = await invite(relay.dataDir, { url: "https://relay.example", owner: "alice" });
  const answer = await fetch(`${relay.url}/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ invite: made.viewUrl.replace(/^.*#view-/, "") }),
  });
  const session = /=([^;]+)/.exec(answer.headers.get("set-cookie") ?? "")?.[1] ?? "";
  const ask = (token: string, method: string, path: string, body?: string | Buffer, type = "application/json") =>
    fetch(relay.url + path, {
      method,
      headers: { "coder-session-token": token, "content-type": type },
      ...(body !== undefined && method !== "GET" && method !== "HEAD" && { body }),
    });
  return { relay, given: made.chat, session, ask };
}

t.test("to the session of a link, all but its own chat is as unknown as to a stranger, on every route", async (t) => {
  const { relay, given, session, ask } = await start(t);
  const { chat: other, clientToken: owner } = relay;
  const stranger = await createToken(relay.dataDir, { kind: "client", user: "bob" });
  t.equal((await ask(owner, "PATCH", `/chats/${other}`, JSON.stringify({ title: SECRET_TITLE }))).status, 204);
  const upload = await ask(owner, "POST", `/chats/files?organization=${randomUUID()}`, PNG, "image/png");
  const { id: file } = z.object({ id: z.string() }).parse(await upload.json());
  await relay.agent(["/home/me/app"]);

  const { paths } = documentSchema.parse(await (await fetch(`${relay.url}/openapi.json`)).json());
  const asked = new Map<string, number>();
  for (const [path, item] of Object.entries(paths)) {
    for (const method of Object.keys(item).map((name) => name.toUpperCase())) {
      for (const prefix of path.startsWith("/api/v2") ? PREFIXES : [""]) {
        const target = path.replace("/api/v2", prefix).replace("{chat}", other).replace("{file}", file);
        const query = `key=t%3Aa&side=new&organization=${randomUUID()}`; // what routes want before they look
        const body = path.endsWith("{chat}") ? '{"title":"x"}' : "{}";
        const what = `${method} ${target.replace(other, "CHAT").replace(file, "FILE")}`;
        const [theirs, strangers] = [
          await ask(session, method, `${target}?${query}`, body),
          await ask(stranger, method, `${target}?${query}`, body),
        ];
        const [text, wanted] = [await theirs.text(), await strangers.text()];
        t.notOk(text.includes(other) || text.includes(SECRET_TITLE), `${what} says nothing of it`);
        if (target === path.replace("/api/v2", prefix)) continue;
        t.same([theirs.status, text], [strangers.status, wanted], what);
        const kind = path.startsWith("/api/v2/chats/{chat}") ? "chat" : path.includes("{file}") ? "file" : "admin";
        t.equal(theirs.status, kind === "admin" ? 403 : 404, what);
        asked.set(kind, (asked.get(kind) ?? 0) + 1);
      }
    }
  }
  t.match([...asked.keys()].sort(), ["admin", "chat", "file"], "the description has them all");

  for (const prefix of PREFIXES) {
    const chats = z
      .array(z.looseObject({ id: z.string() }))
      .parse(await (await ask(session, "GET", `${prefix}/chats`)).json());
    t.same(
      chats.map(({ id }) => id),
      [given],
    );
    t.equal((await ask(session, "GET", `${prefix}/chats/${given}`)).status, 200);
    for (const name of STREAM_NAMES) {
      const url = `${relay.url}${prefix}/chats/${other}/${name}`;
      t.match(
        await WatchClient.attempt(t, url, { token: session }),
        { status: 404 },
        `the upgrade of ${prefix} ${name}`,
      );
    }
  }
  const refused = await ask(session, "POST", `/chats/files?organization=${randomUUID()}`, PNG, "image/png");
  t.equal(refused.status, 403, "nor may it keep files in its owner's name");

  for (const prefix of PREFIXES) {
    for (const [method, path] of [
      ["PATCH", ""],
      ["POST", "/archive"],
      ["POST", "/unarchive"],
    ] as const) {
      const answer = await ask(session, method, `${prefix}/chats/${given}${path}`, '{"title":"theirs"}');
      t.equal(answer.status, 403, `nor may it change the chat: ${method} ${prefix} ${path}`);
    }
  }
  const chat = await (await ask(session, "GET", `/chats/${given}`)).json();
  t.match(chat, { archived: false });
  t.notMatch(chat, { title: "theirs" });

  const traded = await ask("", "POST", "/session", JSON.stringify({ token: session }));
  const again = /=([^;]+)/.exec(traded.headers.get("set-cookie") ?? "")?.[1] ?? "";
  t.equal((await ask(again, "GET", `/chats/${given}`)).status, 200);
  t.equal((await ask(again, "GET", `/chats/${other}`)).status, 404, "a session that it is traded for sees no more");
});

/** What a socket of chat events has been told of. */
class Feed extends TestSocket {
  readonly told: { kind: string; chat: { id: string; title: string } }[] = [];

  protected receive(text: string): void {
    this.told.push(JSON.parse(text));
  }
}

t.test("of its owner's chats, the session of a link is told what becomes of its own", async (t) => {
  const { relay, given, session, ask } = await start(t);
  const { WebSocket } = await import("ws");
  const feeds = [session, relay.clientToken].map((token) => {
    const headers = { "coder-session-token": token };
    return new Feed(new WebSocket(`${relay.url.replace("http", "ws")}/api/v2/chats/watch`, { headers }));
  });
  const [theirs, owners] = feeds;
  if (theirs === undefined || owners === undefined) throw new Error("two feeds");
  for (const feed of feeds) t.teardown(() => feed.socket.terminate());
  await until("both are open", () => feeds.every(({ socket }) => socket.readyState === WebSocket.OPEN) || undefined);
  const rename = (chat: string, title: string) =>
    ask(relay.clientToken, "PATCH", `/chats/${chat}`, JSON.stringify({ title }));
  await rename(relay.chat, SECRET_TITLE);
  await until("the owner is told", () => owners.told.some(({ chat }) => chat.title === SECRET_TITLE) || undefined);
  await rename(given, "given");
  await until("the session is told", () => theirs.told.some(({ chat }) => chat.title === "given") || undefined);
  await until("the owner is told of that too", () => owners.told.some(({ chat }) => chat.id === given) || undefined);
  t.same([...new Set(theirs.told.map(({ chat }) => chat.id))], [given]);
});
