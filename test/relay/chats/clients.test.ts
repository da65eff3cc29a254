import { randomUUID } from "node:crypto";
import t from "tap";
import { ownerId } from "../../../src/relay/chats/owner-id.js";
import { bindChat, createToken, revokeToken } from "../../../src/relay/index.js";
import { until } from "../../support/until.js";
import { refusedUpgrade, WatchClient } from "../../support/watch-client.js";
import { CoderClient, CoderError, type CoderEvent } from "../support/coder-client.js";
import { fileOf } from "../support/fake-agent.js";
import { MODES, TestRelay } from "../support/relay.js";

const APP = "/home/me/app";
const LIB = "/home/me/lib";
const NIL = "00000000-0000-0000-0000-000000000000";

for (const mode of MODES) {
  for (const prefix of ["/api/v2", "/api/experimental"]) {
    t.test(`${mode}, ${prefix}: what the SDK asks for of chats, it can read`, async (t) => {
      const relay = await TestRelay.start(t, { mode });
      const coder = new CoderClient(t, relay.url, relay.clientToken, prefix);
      const chat = await coder.chat(relay.chat);
      t.match(chat, { id: relay.chat, owner_name: "alice", workspace_id: relay.workspace, title: "", labels: {} });
      t.not(chat.owner_id, NIL);
      const second = randomUUID();
      await bindChat(relay.dataDir, { chat: second, workspace: relay.workspace, owner: "alice", parent: relay.chat });
      t.same(
        (await coder.chats()).map(({ id, owner_id }) => [id, owner_id]),
        [
          [second, chat.owner_id],
          [relay.chat, chat.owner_id],
        ],
        "newest first, and one owner has one id",
      );
      t.same(
        (await coder.chats("?limit=1&offset=1")).map(({ id }) => id),
        [relay.chat],
      );
      t.same(await coder.chats("?archived=true"), []);
      await coder.update(relay.chat, { archived: true });
      t.equal((await coder.chats("?archived=true")).length, 2);
      t.same(await coder.chats(), []);
      await t.rejects(coder.chats("?limit=201"), { message: /^400 / });
      await t.rejects(coder.chat(randomUUID()), { message: /^404 / });
    });
  }

  t.test(`${mode}: a title and labels are kept, and nothing is dropped without a word`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const coder = new CoderClient(t, relay.url, relay.clientToken);
    await coder.update(relay.chat, { title: " The parser " });
    t.match(await coder.chat(relay.chat), { title: "The parser", labels: {}, archived: false });
    await coder.update(relay.chat, { title: "The lexer", labels: { team: "a", "x/y": "b" }, archived: true });
    t.match(await coder.chat(relay.chat), { title: "The lexer", labels: { team: "a", "x/y": "b" }, archived: true });
    await coder.update(relay.chat, { labels: { team: "c" } });
    t.same((await coder.chat(relay.chat)).labels, { team: "c" }, "labels are replaced");
    await coder.update(relay.chat, { labels: {} });
    t.same((await coder.chat(relay.chat)).labels, {});
    await relay.bind({ paths: [APP] });
    t.match(await coder.chat(relay.chat), { title: "The lexer" }, "a new binding takes nothing away");

    const refused = async (change: object): Promise<string[]> => {
      const before = await coder.chat(relay.chat);
      const error: unknown = await coder.update(relay.chat, change).then(
        () => new Error("it was taken"),
        (thrown: unknown) => thrown,
      );
      t.same(await coder.chat(relay.chat), before, `nothing of ${JSON.stringify(change).slice(0, 60)} counts`);
      if (!(error instanceof CoderError)) throw error;
      t.equal(error.status, 400);
      return (error.body.validations ?? []).map(({ field }) => field);
    };
    t.same(await refused({ title: "x", pin_order: 1, plan_mode: "on" }), ["pin_order", "plan_mode"]);
    t.same(await refused({ title: "" }), ["title"]);
    t.same(await refused({ title: "x".repeat(201), archived: false }), ["title"]);
    t.same(await refused({ title: null }), ["title"]);
    t.same(await refused({ labels: { " ": "x" } }), ["labels. "]);
    t.same(await refused({ labels: { x: "y".repeat(257) } }), ["labels.x"]);
    t.same(await refused({ labels: Object.fromEntries(Array.from({ length: 51 }, (_, at) => [`l${at}`, "x"])) }), [
      "labels",
    ]);
    t.same(await refused({ title: "another", archived: true }), [], "archived already: the title stays as well");
    const child = randomUUID();
    await bindChat(relay.dataDir, { chat: child, workspace: relay.workspace, parent: relay.chat });
    await coder.update(child, { title: "of a child" });
    await t.rejects(coder.update(child, { title: "x", archived: false }), { message: /^400 / });
    t.equal((await coder.chat(child)).title, "of a child");
  });
}

t.test("a chat that an agent names is told to its owner, though nothing else changes", async (t) => {
  const relay = await TestRelay.start(t);
  const token = await createToken(relay.dataDir, { kind: "agent", workspace: relay.workspace, autoBind: "alice" });
  const agent = await relay.agent([], token);
  const events = await new CoderClient(t, relay.url, relay.clientToken).watch();
  // the first may be told with the token, which another process has made
  for (const chat of [randomUUID(), randomUUID()]) {
    agent.send({ type: "named", chat });
    const created = () => events.received.some(({ kind, chat: { id } }) => kind === "created" && id === chat);
    await until("it is told", created, { deadlineMs: 10_000, seen: () => events.received });
  }
});

for (const mode of MODES) {
  t.test(`${mode}: who asks for it is closed with 1001 when the agent goes away, and comes back`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const agent = await relay.agent([]);
    const url = `${relay.watchUrl()}?on_away=close`;
    const closing = await WatchClient.open(t, url, { token: relay.clientToken });
    const staying = await relay.client();
    await closing.first();
    await staying.first();
    agent.vanish();
    t.equal(await closing.closed(), 1001);
    t.same(closing.errors, []);
    await staying.error(/the workspace's agent is disconnected/);
    t.equal(staying.closeCode, undefined);
    const refused = await refusedUpgrade(t, url, { headers: { "coder-session-token": relay.clientToken } });
    t.match(refused, { status: 400, body: { message: /^Agent state is "disconnected"/ } });
    await relay.agent([]);
    await (await WatchClient.open(t, url, { token: relay.clientToken })).first();
  });
}

t.test("a chat runs while its agent is connected, and says what its trees add up to", async (t) => {
  const relay = await TestRelay.start(t);
  const coder = new CoderClient(t, relay.url, relay.clientToken);
  t.match(await coder.chat(relay.chat), { status: "waiting", diff_status: undefined, diff_statuses: [] });
  const agent = await relay.agent([APP, LIB]);
  agent.tell(APP, [fileOf("a", "one", { additions: 3 }), fileOf("b", "one")]);
  agent.tell(LIB, [fileOf("c", "one", { additions: 2 ** 31 - 1, deletions: 0 })]);
  await (await relay.client()).first();
  const chat = await coder.chat(relay.chat);
  t.match(chat, {
    status: "running",
    diff_status: { chat_id: relay.chat, additions: 2 ** 31 - 1, deletions: 2, changed_files: 3 },
    diff_statuses: [
      { repo_root: APP, additions: 4, deletions: 2, changed_files: 2 },
      { repo_root: LIB, deletions: 0, changed_files: 1 },
    ],
  });
  t.match(await coder.chats(), [chat]);
  agent.change(APP, [{ upserts: [fileOf("b", "two", { additions: 7 })], removes: ["t:a"] }]);
  await until("the count follows", async () => (await coder.chat(relay.chat)).diff_statuses?.[0]?.additions === 7);
  t.match((await coder.chat(relay.chat)).diff_statuses, [{ deletions: 1, changed_files: 1 }, {}]);

  const elsewhere = await createToken(relay.dataDir, { kind: "client", user: "alice", workspace: randomUUID() });
  const other = await new CoderClient(t, relay.url, elsewhere).chat(relay.chat);
  t.match(other, { diff_status: undefined, diff_statuses: [] }, "who may not see the trees is told nothing of them");
  await coder.update(relay.chat, { archived: true });
  t.equal((await coder.chat(relay.chat)).status, "waiting");
});

const of =
  (kind: string, chat: string, more: (event: CoderEvent) => boolean = () => true) =>
  (event: CoderEvent) =>
    event.kind === kind && event.chat.id === chat && more(event);

for (const prefix of ["/api/v2", "/api/experimental", ""]) {
  t.test(
    `${prefix || "no prefix"}: what becomes of one's chats is told as both generations of clients read it`,
    async (t) => {
      const relay = await TestRelay.start(t);
      const coder = new CoderClient(t, relay.url, relay.clientToken, prefix);
      const mallory = await createToken(relay.dataDir, { kind: "client", user: "mallory" });
      const elsewhere = await createToken(relay.dataDir, { kind: "client", user: "alice", workspace: randomUUID() });
      const events = await coder.watch();
      const others = await new CoderClient(t, relay.url, mallory, prefix).watch();
      const blind = await new CoderClient(t, relay.url, elsewhere, prefix).watch();

      const agent = await relay.agent([APP]);
      await events.next(
        "it runs",
        of("status_change", relay.chat, ({ chat }) => chat.status === "running"),
      );
      await coder.update(relay.chat, { title: "The parser" });
      await events.next(
        "its title",
        of("title_change", relay.chat, ({ chat }) => chat.title === "The parser"),
      );
      agent.tell(APP, [fileOf("a", "one", { additions: 5 })]);
      await (await relay.client()).first();
      const counted = of("diff_status_change", relay.chat, ({ chat }) => chat.diff_status?.additions === 5);
      t.match((await events.next("its diff", counted)).chat.diff_status, { deletions: 1, changed_files: 1 });
      const second = randomUUID();
      await bindChat(relay.dataDir, { chat: second, workspace: relay.workspace, owner: "alice" });
      await events.next(
        "a new chat",
        of("created", second, ({ chat }) => chat.status === "running"),
      );
      await coder.update(relay.chat, { archived: true });
      await events.next(
        "it is archived",
        of("deleted", relay.chat, ({ chat }) => chat.archived),
      );
      await coder.update(relay.chat, { archived: false });
      await events.next(
        "it is back",
        of("created", relay.chat, ({ chat }) => !chat.archived),
      );
      await bindChat(relay.dataDir, { chat: second, workspace: relay.workspace, owner: "mallory" });
      const lost = await events.next("it is somebody else's", of("deleted", second));
      t.equal(lost.chat.owner_name, "alice", "nothing is told of whom it belongs to now");
      await others.next("and hers", of("created", second));
      agent.vanish();
      await events.next(
        "nothing runs",
        of("status_change", relay.chat, ({ chat }) => chat.status === "waiting"),
      );
      t.same(new Set(others.received.map(({ chat }) => chat.id)), new Set([second]), "nobody is told of others' chats");
      await blind.next(
        "the same",
        of("status_change", relay.chat, ({ chat }) => chat.status === "waiting"),
      );
      t.notOk(
        blind.received.some(({ kind, chat }) => kind === "diff_status_change" || chat.diff_status),
        "but no trees",
      );
    },
  );
}

for (const mode of MODES) {
  t.test(`${mode}: chat events come over the relay`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const coder = new CoderClient(t, relay.url, relay.clientToken);
    const events = await coder.watch();
    await coder.update(relay.chat, { title: "The parser" });
    await events.next(
      "its title",
      of("title_change", relay.chat, ({ chat }) => chat.title === "The parser"),
    );
    await coder.update(relay.chat, { archived: true });
    await events.next(
      "it is archived",
      of("deleted", relay.chat, ({ chat }) => chat.archived),
    );
    await relay.stop();
    t.equal(await events.closed(), 1001);
    const wanted = mode === "upstream" ? ["/api/v2/chats/watch"] : [];
    const asked = relay.recorder?.requests.filter(({ headers }) => headers.upgrade === "websocket") ?? [];
    t.same(
      asked.map(({ url }) => url),
      wanted,
    );
  });
}

t.test("a socket of chat events is refused, counted and ended as others are", async (t) => {
  const relay = await TestRelay.start(t, { limits: { socketsPerToken: 1 } });
  const coder = new CoderClient(t, relay.url, relay.clientToken);
  const url = `${relay.url}/api/v2/chats/watch`;
  const headers = { "coder-session-token": relay.clientToken };
  t.equal((await fetch(url)).status, 401);
  t.equal((await fetch(url, { headers })).status, 426);
  t.equal((await refusedUpgrade(t, url)).status, 401);
  const cookie = { cookie: `coder_session_token=${relay.clientToken}`, origin: "https://evil.example" };
  t.equal((await refusedUpgrade(t, url, { headers: cookie })).status, 403);
  const events = await coder.watch();
  t.equal((await refusedUpgrade(t, url, { headers })).status, 429);
  events.socket.send("whatever a client says is not heard");
  await coder.update(relay.chat, { title: "x" });
  await events.next("it goes on", of("title_change", relay.chat));
  await revokeToken(relay.dataDir, relay.clientToken);
  t.equal(await events.closed(), 4003);

  const expiresAt = new Date(Date.now() + 1_000);
  const short = await createToken(relay.dataDir, { kind: "client", user: "alice", expiresAt });
  t.equal(await (await new CoderClient(t, relay.url, short).watch()).closed(), 4003);
  const other = await createToken(relay.dataDir, { kind: "client", user: "alice" });
  const last = await new CoderClient(t, relay.url, other).watch();
  await relay.stop();
  t.equal(await last.closed(), 1001);
});

t.test("chats without an owner are nobody's, and those of a UUID are that UUID's", async (t) => {
  const relay = await TestRelay.start(t);
  const admin = await createToken(relay.dataDir, { kind: "client", user: "root", admin: true });
  const coder = new CoderClient(t, relay.url, admin);
  const [nobodys, hers, user] = [randomUUID(), randomUUID(), randomUUID()];
  await bindChat(relay.dataDir, { chat: nobodys, workspace: relay.workspace });
  await bindChat(relay.dataDir, { chat: hers, workspace: relay.workspace, owner: user.toUpperCase() });
  t.match(await coder.chat(nobodys), { owner_id: NIL, owner_name: undefined });
  t.match(await coder.chat(hers), { owner_id: user, owner_name: user.toUpperCase() });
});

t.test("a name's id is a UUID of version 5, and stays", (t) => {
  // Python: uuid.uuid5(uuid.UUID("5d1f2c1e-6f0e-4b5c-9d6a-2f3a3a0d8a44"), name)
  t.equal(ownerId("alice"), "b4b844b5-e91c-5b49-b200-a30e8acafcdc");
  t.equal(ownerId("Jürgen 中"), "abc1b781-e929-58a5-8bc6-ec905e335a23");
  t.end();
});
