import { randomUUID } from "node:crypto";
import t from "tap";
import { bindChat, createToken } from "../../../src/relay/index.js";
import { until } from "../../support/until.js";
import { fileOf, metaOf } from "../support/fake-agent.js";
import { MODES, TestRelay } from "../support/relay.js";

const APP = "/home/me/app";
const LIB = "/home/me/lib";

for (const mode of MODES) {
  t.test(`${mode}: the first frame holds every repository, clean ones too`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const agent = await relay.agent([APP, LIB]);
    agent.trees.set(APP, {
      files: [fileOf("x", "one")],
      meta: { remote_origin: "git@host:app" },
      epoch: "epoch-1-",
      seq: 1,
    });
    agent.trees.set(LIB, { files: [], meta: { branch: "" }, epoch: "epoch-1-", seq: 1 });
    const client = await relay.client();
    const first = await client.first();
    t.same(first.repositories, [
      {
        repo_root: APP,
        branch: "main",
        remote_origin: "git@host:app",
        unified_diff: fileOf("x", "one").header + fileOf("x", "one").hunks,
      },
      { repo_root: LIB, branch: "", unified_diff: "" },
    ]);
  });

  t.test(`${mode}: with no repository the first frame has an empty list`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    await relay.agent([]);
    const client = await relay.client();
    t.same((await client.first()).repositories, []);
  });

  t.test(`${mode}: later frames carry what differs for that connection, and nothing else`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const agent = await relay.agent([APP, LIB]);
    agent.tell(APP, []);
    agent.tell(LIB, []);
    const client = await relay.client();
    await client.first();
    agent.tell(APP, [fileOf("x", "two")]);
    const second = await client.changesFrame(2);
    t.same(
      second.repositories?.map(({ repo_root }) => repo_root),
      [APP],
    );

    const late = await relay.client();
    const first = await late.first();
    t.same(
      first.repositories?.map(({ repo_root }) => repo_root),
      [APP, LIB],
      "a second client gets its own whole frame",
    );
    t.equal(client.changes.length, 2, "and the first one hears nothing of it");

    agent.tell(APP, [fileOf("x", "two")], { head: "f".repeat(40) });
    agent.tell(LIB, [fileOf("y", "three")]);
    await client.diffWith(LIB, "three");
    t.equal(client.changes.length, 3, "a state that looks the same is not told");
  });

  t.test(`${mode}: a delta changes the files that it names`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const agent = await relay.agent([APP]);
    agent.tell(APP, [fileOf("a", "1"), fileOf("b", "2"), fileOf("c", "3")]);
    const client = await relay.client();
    await client.first();
    agent.change(APP, [{ upserts: [fileOf("d", "4")], removes: ["t:a"] }, { upserts: [fileOf("b", "two")] }]);
    const diff = await client.diffWith(APP, "+4");
    t.same(
      diff,
      ["b", "c", "d"]
        .map((name, at) => fileOf(name, ["two", "3", "4"][at] ?? ""))
        .map((file) => file.header + file.hunks)
        .join(""),
    );
    await agent.next("ack", 2); // over another connection than the diff
    const acks = agent.all("ack").map(({ seq }) => seq);
    t.equal(acks.at(-1), 2);
    t.equal(acks.filter((seq) => seq === 2).length, 1, "once for both parts");
  });

  t.test(`${mode}: a delta without its base is answered by resync, once, and loses nothing`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const agent = await relay.agent([APP]);
    agent.tell(APP, [fileOf("a", "1")]);
    const client = await relay.client();
    await client.first();
    const { epoch, seq } = await agent.next("ack");
    const gap = { type: "tree" as const, root: APP, epoch, upserts: [], removes: [], more: false, meta: metaOf() };
    agent.send({ ...gap, seq: seq + 5, base: seq + 4 });
    agent.send({ ...gap, seq: seq + 6, base: seq + 5 });
    await agent.next("resync");
    agent.trees.delete(APP);
    agent.tell(APP, [fileOf("a", "whole again")]);
    await client.diffWith(APP, "whole again");
    t.equal(agent.all("resync").length, 1);
  });

  t.test(`${mode}: refresh is answered after the barrier, by a frame for each`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const agent = await relay.agent([APP]);
    agent.tell(APP, []);
    const client = await relay.client();
    await client.first();
    agent.answersRefresh = false;
    const asked = agent.all("refresh").length;
    client.refresh();
    const { id } = await agent.next("refresh", asked + 1);
    agent.tell(APP, [fileOf("x", "before the barrier")]);
    agent.send({ type: "refreshed", id, scanned_at: "2026-03-05T10:11:12.345Z" });
    await client.diffWith(APP, "before the barrier");
    await client.changesFrame(3);
    t.equal(client.changes[2]?.repositories, undefined, "nothing more to say: scanned_at alone");

    agent.answersRefresh = true;
    for (let count = 0; count < 3; count += 1) client.refresh();
    await client.changesFrame(6);
    t.same(
      client.changes.slice(3).map(({ repositories }) => repositories),
      [undefined, undefined, undefined],
    );
  });

  t.test(`${mode}: a client that asks before its first frame gets it after the barrier`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const agent = await relay.agent([APP]);
    agent.tell(APP, []);
    agent.answersRefresh = false;
    const client = await relay.client();
    client.refresh();
    const { id } = await agent.next("refresh");
    agent.send({ type: "refreshed", id, scanned_at: new Date().toISOString() });
    const second = await agent.next("refresh", 2);
    agent.tell(APP, [fileOf("x", "written before the refresh")]);
    agent.send({ type: "refreshed", id: second.id, scanned_at: new Date().toISOString() });
    await client.diffWith(APP, "written before");
  });

  t.test(`${mode}: what the server does not know is answered, and the socket stays open`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const agent = await relay.agent([APP]);
    agent.tell(APP, []);
    const client = await relay.client();
    await client.first();
    for (const text of ["{", "[]", '{"type":"subscribe"}', "null", '"refresh"']) client.socket.send(text);
    client.socket.send(Buffer.from('{"type":"refresh"}'), { binary: true });
    await until("six errors", () => client.errors.length === 6, { seen: () => client.messages });
    t.same(new Set(client.errors), new Set(["unknown message type"]));
    client.refresh();
    await client.changesFrame(2);
  });

  t.test(`${mode}: a repository that goes is told as removed, also to a client that was away`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const agent = await relay.agent([APP, LIB]);
    agent.tell(APP, [fileOf("x", "one")]);
    agent.tell(LIB, []);
    const client = await relay.client();
    await client.first();
    agent.send({ type: "gone", root: LIB });
    const second = await client.changesFrame(2);
    t.same(second.repositories, [{ repo_root: LIB, branch: "", unified_diff: "", removed: true }]);

    const late = await relay.client();
    const first = await late.first();
    t.same(
      first.repositories?.map(({ repo_root, removed }) => ({ repo_root, removed })),
      [
        { repo_root: APP, removed: undefined },
        { repo_root: LIB, removed: true },
      ],
    );

    agent.send({ type: "chat", chat: relay.chat, roots: [APP, LIB] });
    agent.tell(LIB, [fileOf("y", "back")]);
    await client.diffWith(LIB, "back");
    await late.diffWith(LIB, "back");
  });

  t.test(
    `${mode}: an agent that goes away is told of once, and its viewers get what changed when it is back`,
    async (t) => {
      const relay = await TestRelay.start(t, { mode });
      const agent = await relay.agent([APP, LIB]);
      agent.tell(APP, []);
      agent.tell(LIB, []);
      const client = await relay.client();
      await client.first();
      agent.vanish();
      await client.error(/disconnected/);
      client.refresh();
      await until("the refresh is answered", () => client.errors.length === 2, { seen: () => client.messages });
      t.equal(client.closeCode, undefined, "the client stays");

      const back = await relay.agent([APP, LIB]);
      const { held } = await back.next("welcome");
      t.same(held.map(({ root }) => root).sort(), [APP, LIB], "the agent may go on from what the relay holds");
      back.tell(APP, [fileOf("x", "meanwhile")]);
      back.tell(LIB, []);
      await client.diffWith(APP, "meanwhile");
      client.refresh();
      await client.changesFrame(3);
      t.same(
        client.changes[1]?.repositories?.map(({ repo_root }) => repo_root),
        [APP],
      );
      t.equal(client.errors.length, 2);
    },
  );

  t.test(`${mode}: a refresh that the agent leaves unanswered is answered by the relay`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const agent = await relay.agent([APP]);
    agent.tell(APP, []);
    const client = await relay.client();
    await client.first();
    agent.answersRefresh = false;
    client.refresh();
    const { id } = await agent.next("refresh", 2);
    await client.error(/not answered yet/);
    agent.send({ type: "refreshed", id, scanned_at: new Date().toISOString() });
    await client.changesFrame(2);
  });

  t.test(`${mode}: trouble is told once to those it concerns, and to those who come later`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const agent = await relay.agent([APP, LIB]);
    agent.tell(APP, []);
    const trouble = {
      type: "trouble" as const,
      chat: null,
      code: "TW_CORRUPT_REPOSITORY",
      message: "lib: the index is damaged",
    };
    const client = await relay.client();
    await agent.next("watch");
    agent.send({ ...trouble, root: LIB });
    await client.error(/damaged/);
    agent.send({ ...trouble, root: LIB });
    client.refresh();
    await client.changesFrame(2);
    t.same(client.errors, [trouble.message]);
    t.same(
      client.changes[0]?.repositories?.map(({ repo_root }) => repo_root),
      [APP],
      "what can be read is shown",
    );

    const late = await relay.client();
    await late.error(/damaged/);
  });

  t.test(`${mode}: a chat is watched while it has a viewer`, async (t) => {
    const relay = await TestRelay.start(t, { mode, lingerMs: 20 });
    const agent = await relay.agent([APP]);
    agent.tell(APP, []);
    await relay.bind({ paths: [APP] });
    const one = await relay.client();
    const two = await relay.client();
    await one.first();
    await two.first();
    t.same(
      agent.all("watch").map(({ chat, paths }) => ({ chat, paths })),
      [{ chat: relay.chat, paths: [APP] }],
    );
    one.socket.close();
    await one.closed();
    two.refresh();
    await two.changesFrame(2);
    t.same(agent.all("unwatch"), []);
    two.socket.close();
    t.equal((await agent.next("unwatch")).chat, relay.chat);
  });

  t.test(`${mode}: one repository in two chats, and two repositories in one`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const other = await relay.bind({ chat: randomUUID() });
    const agent = await relay.agent();
    agent.rootsOf = (chat) => (chat === other ? [APP] : [APP, LIB]);
    agent.tell(APP, []);
    agent.tell(LIB, []);
    const both = await relay.client();
    const one = await relay.client(other);
    t.equal((await both.first()).repositories?.length, 2);
    t.equal((await one.first()).repositories?.length, 1);
    agent.tell(APP, [fileOf("x", "for both")]);
    agent.tell(LIB, [fileOf("y", "for one")]);
    await both.diffWith(APP, "for both");
    await both.diffWith(LIB, "for one");
    await one.diffWith(APP, "for both");
    t.equal(one.repositories.has(LIB), false);
  });

  t.test(`${mode}: a newer agent takes the place of the older one, whose code says not to fight`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const older = await relay.agent([APP]);
    older.tell(APP, []);
    const client = await relay.client();
    await client.first();
    const newer = await relay.agent([APP]);
    t.equal(await older.closed(), 4001);
    newer.tell(APP, [fileOf("x", "from the newer")]);
    await client.diffWith(APP, "from the newer");
    t.same(client.errors, []);
  });

  t.test(`${mode}: the relay goes away with 1001`, async (t) => {
    const relay = await TestRelay.start(t, { mode });
    const agent = await relay.agent([APP]);
    agent.tell(APP, []);
    const client = await relay.client();
    await client.first();
    await relay.stop();
    t.equal(await client.closed(), 1001);
    t.equal(await agent.closed(), 1001);
  });
}

t.test("tombstones outlive the relay", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent([APP, LIB]);
  agent.tell(APP, []);
  agent.tell(LIB, []);
  await (await relay.client()).first();
  await relay.stop();

  const next = await TestRelay.start(t, { dataDir: relay.dataDir });
  await bindChat(relay.dataDir, { chat: relay.chat, workspace: next.workspace });
  const agentAgain = await next.agent([APP]);
  agentAgain.tell(APP, []);
  const first = await (await next.client(relay.chat, relay.clientToken)).first();
  t.same(
    first.repositories?.filter(({ removed }) => removed).map(({ repo_root }) => repo_root),
    [LIB],
  );
});

t.test("a chat that is bound anew shows the new paths and workspace to those who look", async (t) => {
  const relay = await TestRelay.start(t);
  const agent = await relay.agent();
  agent.rootsOf = () => [APP];
  agent.tell(APP, []);
  const client = await relay.client();
  await client.first();
  agent.rootsOf = () => [LIB];
  agent.tell(LIB, [fileOf("y", "of the other path")]);
  await bindChat(relay.dataDir, { chat: relay.chat, workspace: relay.workspace, paths: [LIB] });
  await client.diffWith(LIB, "of the other path");
  await until("the old path is removed", () => !client.repositories.has(APP), { seen: () => client.messages });

  const elsewhere: string = randomUUID();
  await createToken(relay.dataDir, { kind: "agent", workspace: elsewhere });
  await bindChat(relay.dataDir, { chat: relay.chat, workspace: elsewhere });
  await client.error(/disconnected/);
});
