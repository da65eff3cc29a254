import { randomUUID } from "node:crypto";
import t from "tap";
import { type Changes, PreconditionError } from "../../../src/relay/store/index.js";
import fc from "../../support/fast-check.js";
import type { Cleanup } from "../../support/temp.js";
import { until } from "../../support/until.js";
import { ChatModel } from "./chat-model.js";
import { KINDS, opened } from "./kinds.js";

// What every store promises of tokens, invites and chats (src/relay/store/store.ts), asked of each kind of it: two relays, or a
// relay and a command, on one and the same data.

const HOUR_MS = 3_600_000;
const OWNERS = ["alice", "bob"] as const;
const idOf = (token: string) => token.split("_")[1] ?? "";
const refused = (thrown: unknown): string => {
  if (thrown instanceof PreconditionError) return thrown.unmet;
  throw thrown;
};

for (const [name, { skip, runs, make }] of Object.entries(KINDS)) {
  const open = (t: Cleanup) => opened(t, make);

  t.test(`${name}: a token is what it was made as, for as long as it counts`, { skip }, async (t) => {
    const { here, beside } = await open(t);
    const workspace = randomUUID();
    t.equal(await beside.tokens.knowsWorkspace(workspace), false);
    const agent = await here.tokens.create({ kind: "agent", workspace, autoBind: "alice" });
    t.match(await beside.tokens.verify(agent), { kind: "agent", tokenId: idOf(agent), workspace, autoBind: "alice" });
    t.equal(await beside.tokens.knowsWorkspace(workspace), true);
    const client = await here.tokens.create({ kind: "client", user: "bob", admin: true });
    t.match(await beside.tokens.verify(client), { kind: "client", user: "bob", admin: true, workspace: undefined });
    for (const wrong of [client.replace("twc_", "twa_"), agent.replace("twa_", "twc_"), `${client}x`, "", "x"]) {
      t.equal(await here.tokens.verify(wrong), undefined, wrong);
    }
    t.equal(await here.tokens.verify(client.replace(/.$/, (last) => (last === "A" ? "B" : "A"))), undefined);

    const soon = await here.tokens.create({ kind: "client", user: "bob", expiresAt: new Date(Date.now() - 1) });
    t.same([await here.tokens.verify(soon), await here.tokens.isLive(idOf(soon))], [undefined, false]);
    const parent = idOf(client);
    const session = await here.tokens.create({ kind: "client", user: "bob", isSession: true, parent });
    const below = await here.tokens.create({ kind: "client", user: "bob", isSession: true, parent: idOf(session) });
    t.equal(await beside.tokens.isLive(idOf(below)), true);
    t.match(await beside.tokens.revoke(parent), { tokenId: parent, revokedAt: Date });
    for (const ended of [client, session, below]) {
      t.same([await here.tokens.verify(ended), await here.tokens.isLive(idOf(ended))], [undefined, false]);
    }
    t.equal(await here.tokens.revoke("0123456789abcdef"), undefined);
    t.same(
      (await beside.tokens.list()).map(({ tokenId, isSession }) => [tokenId, isSession]),
      [agent, client, soon, session, below].map((token) => [idOf(token), token === session || token === below]),
      "oldest first, none is forgotten",
    );
    t.notOk(
      JSON.stringify(await here.tokens.list()).includes(agent.split("_").slice(2).join("_")),
      "without its secret",
    );
  });

  t.test(`${name}: a session ends when it is signed out, and nothing else does by that`, { skip }, async (t) => {
    const { here, beside } = await open(t);
    const token = await here.tokens.create({ kind: "client", user: "alice" });
    const session = await here.tokens.create({ kind: "client", user: "alice", isSession: true, parent: idOf(token) });
    t.equal(await beside.tokens.endSession(token), false, "no session");
    t.equal(await beside.tokens.endSession("nonsense"), false);
    t.equal(await beside.tokens.endSession(session), true);
    t.equal(await here.tokens.endSession(session), false, "it has ended");
    t.same([await here.tokens.isLive(idOf(token)), await here.tokens.isLive(idOf(session))], [true, false]);
  });

  t.test(`${name}: an invite is good for as many as it says, however many come at once`, { skip }, async (t) => {
    const { here, beside } = await open(t);
    const made = { workspace: randomUUID(), chat: randomUUID(), owner: "alice", relay: "https://r", uses: 3 };
    const expiresAt = new Date(Date.now() + HOUR_MS);
    const { agent, view } = await here.invites.create({ ...made, expiresAt });
    t.equal(await beside.tokens.knowsWorkspace(made.workspace), true, "it is invited");
    const joined = await Promise.all([here, beside, here, beside].map((store) => store.invites.join(agent)));
    t.equal(joined.filter((each) => each !== undefined).length, 1);
    const seen = await Promise.all(
      [here, beside, here, beside, here].map(({ invites }) => invites.view(view, expiresAt)),
    );
    const sessions = seen.flatMap((each) => each ?? []);
    t.equal(sessions.length, 3);
    for (const { token, chat } of sessions) {
      t.equal(chat, made.chat);
      t.match(await here.tokens.verify(token), { user: "alice", workspace: made.workspace, chat: made.chat });
    }
    t.same([await here.invites.view(agent, expiresAt), await here.invites.join("x")], [undefined, undefined]);
    const late = await here.invites.create({ ...made, expiresAt: new Date(Date.now() - 1) });
    t.same(
      [await here.invites.join(late.agent), await here.invites.view(late.view, expiresAt)],
      [undefined, undefined],
    );
  });

  t.test(`${name}: nothing is written for a token that does not count any more`, { skip }, async (t) => {
    const { here, beside } = await open(t);
    const by = idOf(await here.tokens.create({ kind: "client", user: "root", admin: true }));
    const [workspace, chat] = [randomUUID(), randomUUID()];
    await here.chats.bind({ chat, workspace, owner: "alice" }, { by });
    await beside.tokens.revoke(by);
    const before = JSON.stringify([await here.chats.list(), (await here.tokens.list()).length]);
    for (const write of [
      () => here.tokens.create({ kind: "client", user: "x" }, { by }),
      () => here.tokens.revoke(by, { by }),
      () => here.chats.bind({ chat, workspace: randomUUID() }, { by }),
      () => here.chats.bind({ chat: randomUUID(), workspace }, { by }),
      () => here.chats.bindNamed({ chat: randomUUID(), workspace, owner: "alice" }, { by }),
      () => here.chats.unbind(chat, { by }),
      () => here.chats.update(chat, { title: "x", archived: true }, { by }),
    ]) {
      t.equal(await write().catch(refused), "token-ended", String(write));
    }
    t.equal(JSON.stringify([await here.chats.list(), (await here.tokens.list()).length]), before);
  });

  t.test(
    `${name}: whatever is done to chats by two at once, they are what a list of them would be`,
    { skip },
    async () => {
      const nth = fc.nat({ max: 4 });
      const isBeside = fc.boolean();
      const step = fc.oneof(
        fc.record({
          kind: fc.constant("bind" as const),
          chat: nth,
          owner: fc.option(fc.constantFrom(...OWNERS), { nil: undefined }),
          parent: fc.option(nth, { nil: undefined }),
          base: fc.constantFrom("", "main"),
          isBeside,
        }),
        fc.record({ kind: fc.constant("named" as const), chat: nth, owner: fc.constantFrom(...OWNERS), isBeside }),
        fc.record({ kind: fc.constant("unbind" as const), chat: nth, isBeside }),
        fc.record({
          kind: fc.constant("update" as const),
          chat: nth,
          owner: fc.option(fc.constantFrom(...OWNERS), { nil: undefined }),
          title: fc.option(fc.constantFrom("one", "two"), { nil: undefined }),
          archived: fc.option(fc.boolean(), { nil: undefined }),
          isBeside,
        }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          const ends: (() => unknown)[] = [];
          const { here, beside } = await open({ teardown: (end) => void ends.unshift(end) });
          const [workspace, other] = [randomUUID(), randomUUID()];
          const ids = Array.from({ length: 5 }, () => randomUUID() as string);
          const chatOf = (at: number) => ids[at] ?? "";
          const model = new ChatModel();
          const told = { here: new Set<string>(), beside: new Set<string>() };
          const touched = new Set<string>();
          for (const each of steps) {
            const store = each.isBeside ? beside : here;
            const id = chatOf(each.chat);
            let outcome: unknown;
            let expected: unknown;
            if (each.kind === "bind") {
              const binding = {
                ...{ chat: id, workspace: each.base === "" ? workspace : other, base: each.base },
                ...(each.owner !== undefined && { owner: each.owner }),
                ...(each.parent !== undefined && { parent: chatOf(each.parent) }),
              };
              expected = model.bind(binding);
              outcome = await store.chats.bind(binding).then(
                () => "done",
                (thrown) => thrown.code,
              );
            } else if (each.kind === "named") {
              const named = { chat: id, workspace, owner: each.owner };
              expected = model.chats.has(id) ? false : model.bind(named) === "done";
              outcome = await store.chats.bindNamed(named);
            } else if (each.kind === "unbind") {
              expected = model.unbind(id);
              outcome = (await store.chats.unbind(id)) !== undefined;
            } else {
              const { owner, title, archived } = each;
              const change = { ...(title !== undefined && { title }), ...(archived !== undefined && { archived }) };
              expected = model.update(id, change, owner);
              const options = owner === undefined ? {} : { owner };
              outcome = await store.chats.update(id, change, options).then(() => "done", refused);
            }
            const found = await (each.isBeside ? here : beside).chats.list();
            const plain = found.map(({ createdAt, updatedAt, ...chat }) => chat);
            const wanted = [...model.chats.values()];
            if (JSON.stringify([outcome, plain]) !== JSON.stringify([expected, wanted])) {
              throw new Error(JSON.stringify({ after: each, outcome, expected, plain, wanted }));
            }
            for (const changed of model.takeChanged()) touched.add(changed);
          }
          for (const archived of [true, false]) {
            const page = await here.chats.page({ owner: "alice", archived, limit: 2, offset: 1 });
            const all = [...model.chats.values()].reverse().filter((chat) => chat.archived === archived);
            const wanted = all.filter(({ owner }) => owner === "alice").slice(1, 3);
            if (page.map(({ id }) => id).join() !== wanted.map(({ id }) => id).join()) throw new Error("another page");
          }
          // of a change, whoever made it, both hear
          for (const [name, store] of Object.entries({ here, beside })) {
            await until(`${name} hears of every change`, () => {
              const changes = store.changes();
              if (changes === "all") return true;
              for (const id of changes.chats) told[name as keyof typeof told].add(id);
              return [...touched].every((id) => told[name as keyof typeof told].has(id));
            });
          }
          for (const end of ends) await end();
        }),
        { numRuns: runs },
      );
    },
  );

  t.test(`${name}: two who do at once what only one may do: one does it`, { skip }, async (t) => {
    const { here, beside } = await open(t);
    const workspace = randomUUID();
    for (let round = 0; round < 10; round += 1) {
      const [one, two, leaf] = [randomUUID(), randomUUID(), randomUUID()];
      await here.chats.bind({ chat: one, workspace, owner: "alice" });
      await here.chats.bind({ chat: two, workspace, owner: "alice" });
      const above = await Promise.all([
        here.chats.bind({ chat: one, workspace, parent: two }).catch(({ code }) => code),
        beside.chats.bind({ chat: two, workspace, parent: one }).catch(({ code }) => code),
      ]);
      t.equal(above.filter((each) => each === "TW_BAD_USAGE").length, 1, "no chat is above itself");
      const root = above[0] === "TW_BAD_USAGE" ? one : two;
      const archived = await Promise.all([
        here.chats.update(root, { archived: true }).then(() => "done", refused),
        beside.chats.update(root, { archived: true }).then(() => "done", refused),
        here.chats.bind({ chat: leaf, workspace, parent: root }),
      ]);
      t.same(archived.slice(0, 2).sort(), ["already-archived", "done"]);
      t.equal((await beside.chats.get(leaf))?.archived, true, "below it before or after");
      const named = { chat: randomUUID(), workspace, owner: "alice" };
      const made = await Promise.all([here, beside, here].map((store) => store.chats.bindNamed(named)));
      t.equal(made.filter(Boolean).length, 1);

      const by = idOf(await here.tokens.create({ kind: "client", user: "alice" }));
      const revoking = beside.tokens.revoke(by);
      const racing = here.chats.update(named.chat, { title: "late" }, { by }).then(() => "done", refused);
      await revoking;
      const title = (await here.chats.get(named.chat))?.title;
      t.equal(await here.chats.update(named.chat, { title: "after" }, { by }).catch(refused), "token-ended");
      t.equal((await here.chats.get(named.chat))?.title, (await racing) === "done" ? "late" : title);
    }
  });

  t.test(`${name}: which tokens have changed is said, with the sessions that hang on them`, { skip }, async (t) => {
    const { here, beside } = await open(t);
    const token = await here.tokens.create({ kind: "client", user: "alice" });
    const session = await here.tokens.create({ kind: "client", user: "alice", isSession: true, parent: idOf(token) });
    const other = await here.tokens.create({ kind: "client", user: "bob" });
    here.changes();
    const before = here.version();
    await beside.tokens.revoke(idOf(token));
    await until("it has moved", () => here.version() !== before);
    const changes = here.changes() as Changes;
    t.same([...changes.tokens].sort(), [idOf(token), idOf(session)].sort());
    t.notOk(changes.tokens.has(idOf(other)));
    t.same(here.changes(), { tokens: new Set(), chats: new Set() }, "once");
  });
}
