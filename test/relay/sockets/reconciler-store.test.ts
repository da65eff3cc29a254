import { randomUUID } from "node:crypto";
import t from "tap";
import { type Client, OwnAuthority } from "../../../src/relay/access/index.js";
import { REFUSALS } from "../../../src/relay/answers.js";
import { Failures } from "../../../src/relay/failures.js";
import { LiveSockets, type LiveTunnel, type LiveWatch } from "../../../src/relay/sockets/live-sockets.js";
import { Reconciler } from "../../../src/relay/sockets/reconciler.js";
import { PreconditionError, SqliteStore, type Store } from "../../../src/relay/store/index.js";
import { silentLogger } from "../../../src/util/index.js";
import fc from "../../support/fast-check.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

const SOCKETS = 4_000;
const OWNERS = ["alice", "bob"];
const HOUR_MS = 3_600_000;

class Watch implements LiveWatch {
  readonly prefix = "";
  /** How it was ended. */
  ending: string | undefined;
  bound: string;

  constructor(
    readonly live: LiveSockets,
    readonly client: Client,
    readonly chatId: string,
    bound: string,
  ) {
    this.bound = bound;
    live.addWatch(this);
  }

  close(reason: string): void {
    this.end(reason);
  }

  end(error: string): void {
    this.ending ??= error;
    this.live.deleteWatch(this);
  }

  rebind(chat: { paths: readonly string[] }, workspace: string): void {
    this.bound = boundTo(chat, workspace);
  }
}

class Tunnel implements LiveTunnel {
  ending: string | undefined;

  get isOver(): boolean {
    return this.ending !== undefined;
  }

  constructor(
    readonly live: LiveSockets,
    readonly token: LiveTunnel["token"],
    readonly workspace: string,
  ) {
    live.addTunnel(this);
  }

  close(reason: string): void {
    this.ending ??= reason;
    this.live.deleteTunnel(this.workspace, this);
  }
}

const boundTo = ({ paths }: { paths: readonly string[] }, workspace: string) => `${workspace} ${paths.join()}`;

/** A relay's store, that of a process beside it, and what follows the two; counts what is asked about sockets. */
function open(t: Cleanup) {
  const dir = tempDir(t);
  const [here, beside] = [new SqliteStore(dir), new SqliteStore(dir)];
  t.teardown(async () => {
    await here.close();
    await beside.close();
  });
  const authority = new OwnAuthority(here, []);
  const asked: string[] = [];
  const counted: Pick<OwnAuthority, "isLive" | "watchable"> = {
    isLive: (client) => {
      asked.push(client.tokenId);
      return authority.isLive(client);
    },
    watchable: (client, chat) => {
      asked.push(chat);
      return authority.watchable(client, chat);
    },
  };
  const live = new LiveSockets(counted, (tokenId) => {
    asked.push(tokenId);
    return here.tokens.isLive(tokenId);
  });
  const failures = new Failures(here.health, silentLogger());
  const chatsChanged = () => undefined;
  const reconciler = new Reconciler({ store: here, live, failures, forgetUpstream: undefined, chatsChanged });
  return { here, beside, authority, live, reconciler, asked };
}

async function clientOf(store: Store, token: string): Promise<Client> {
  const caller = await store.tokens.verify(token);
  if (caller?.kind !== "client") throw new Error("no client's token");
  return caller;
}

/** A chat is archived below another with that, and not twice. */
function unlessUnmet(thrown: unknown): void {
  if (!(thrown instanceof PreconditionError)) throw thrown;
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

t.test("of 4,000 sockets those are asked about whose token or chat another process has changed", async (t) => {
  const { here, beside, live, reconciler, asked } = open(t);
  const workspace = randomUUID();
  await here.tokens.create({ kind: "agent", workspace });
  const chats = Array.from({ length: 40 }, () => randomUUID() as string);
  for (const chat of chats) await here.chats.bind({ chat, workspace, owner: "alice" });
  const expiresAt = new Date(Date.now() + HOUR_MS);
  const clients: Client[] = [];
  for (let count = 0; count < 10; count += 1) {
    clients.push(await clientOf(here, await here.tokens.create({ kind: "client", user: "alice", expiresAt })));
  }
  reconciler.changed();
  let looks = 0;
  const watches = Array.from({ length: SOCKETS }, (_, at) => {
    const client = clients[at % 10];
    const chat = chats[at % 40];
    if (client === undefined || chat === undefined) throw new Error("there are so many");
    const counted = Object.defineProperty({ ...client }, "expiresAt", {
      get: () => {
        looks += 1;
        return client.expiresAt;
      },
    });
    return new Watch(live, counted, chat, boundTo({ paths: [] }, workspace));
  });
  looks = 0;

  const [first, second] = clients;
  await beside.tokens.revoke(first?.tokenId ?? "");
  reconciler.poll();
  await settled();
  t.same(asked.splice(0), [first?.tokenId]);
  t.equal(watches.filter(({ ending }) => ending === "tokenRevoked").length, SOCKETS / 10);

  await beside.chats.update(chats[1] ?? "", { archived: true });
  reconciler.poll();
  await settled();
  t.same(asked.splice(0), [chats[1]], "one client watches it, by a hundred sockets");
  t.equal(watches.filter(({ ending }) => ending === "chat is archived").length, SOCKETS / 40);

  live.expire(Date.now());
  reconciler.poll();
  t.equal(looks, 0, "and none while nothing changes and nothing expires");
  live.expire(expiresAt.getTime());
  t.equal(live.counts().sockets, 0);
  t.ok(second !== undefined && asked.length === 0);
});

t.test("what many changes name ends the same sockets as a walk over all of them, at once", async (t) => {
  const { here, beside, authority, live, reconciler } = open(t);
  const clock = Date.now;
  let ahead = 0;
  Date.now = () => clock() + ahead;
  t.teardown(() => {
    Date.now = clock;
  });
  const nth = fc.nat({ max: 5 });
  const isBeside = fc.boolean();
  const step = fc.oneof(
    fc.record({ kind: fc.constant("token" as const), owner: nth, hours: fc.nat({ max: 3 }), isBeside }),
    fc.record({ kind: fc.constant("session" as const), token: nth }),
    fc.record({ kind: fc.constant("revoke" as const), token: nth, isBeside }),
    fc.record({ kind: fc.constant("time" as const) }),
    fc.record({ kind: fc.constant("bind" as const), chat: nth, owner: nth, workspace: nth, parent: nth, isBeside }),
    fc.record({ kind: fc.constant("unbind" as const), chat: nth, isBeside }),
    fc.record({ kind: fc.constant("archive" as const), chat: nth, archived: fc.boolean(), isBeside }),
    fc.record({ kind: fc.constant("agent" as const), workspace: nth }),
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("watch" as const), token: nth, chat: nth }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
      const workspaces = [randomUUID() as string, randomUUID() as string];
      const chats = Array.from({ length: 4 }, () => randomUUID() as string);
      const workspaceOf = (at: number) => workspaces[at % 2] ?? "";
      const chatOf = (at: number) => chats[at % 4] ?? "";
      for (const workspace of workspaces) await here.tokens.create({ kind: "agent", workspace });
      const sessionOf = async (token: string) => {
        const { tokenId, user, expiresAt } = await clientOf(here, token);
        const until = expiresAt && { expiresAt };
        return here.tokens.create({ kind: "client", user, isSession: true, parent: tokenId, ...until });
      };
      const tokens: string[] = [];
      for (let count = 0; count < 2; count += 1)
        tokens.push(await here.tokens.create({ kind: "client", user: "alice" }));
      for (const token of tokens.slice()) tokens.push(await sessionOf(token));
      for (const chat of chats) await here.chats.bind({ chat, workspace: workspaceOf(0), owner: "alice" });
      const tokenOf = (at: number) => tokens[at % tokens.length] ?? "";
      const watches: Watch[] = [];
      const tunnels: Tunnel[] = [];
      reconciler.changed();
      await settled();
      for (const each of steps) {
        const store = "isBeside" in each && each.isBeside ? beside : here;
        if (each.kind === "token") {
          const hours = each.hours === 0 ? {} : { expiresAt: new Date(Date.now() + each.hours * HOUR_MS) };
          tokens.push(await store.tokens.create({ kind: "client", user: OWNERS[each.owner % 2] ?? "", ...hours }));
        } else if (each.kind === "session") {
          const parent = await here.tokens.verify(tokenOf(each.token));
          if (parent?.kind !== "client") continue;
          tokens.push(await sessionOf(tokenOf(each.token)));
        } else if (each.kind === "revoke") await store.tokens.revoke(tokenOf(each.token).split("_")[1] ?? "");
        else if (each.kind === "time") ahead += HOUR_MS;
        else if (each.kind === "bind") {
          const parent = each.parent < 3 && each.parent < each.chat % 4 ? { parent: chatOf(each.parent) } : {};
          const binding = { chat: chatOf(each.chat), workspace: workspaceOf(each.workspace), ...parent };
          await store.chats.bind({
            ...binding,
            owner: OWNERS[each.owner === 0 ? 1 : 0] ?? "",
            paths: [`/${each.owner}`],
          });
        } else if (each.kind === "unbind") await store.chats.unbind(chatOf(each.chat));
        else if (each.kind === "archive")
          await store.chats.update(chatOf(each.chat), { archived: each.archived }).catch(unlessUnmet);
        else if (each.kind === "agent") {
          const workspace = workspaceOf(each.workspace);
          const token = await here.tokens.create({ kind: "agent", workspace });
          tokens.push(token);
          const caller = await here.tokens.verify(token);
          if (caller !== undefined) tunnels.push(new Tunnel(live, caller, workspace));
        } else {
          const caller = await here.tokens.verify(tokenOf(each.token));
          if (caller?.kind !== "client") continue;
          const { ok } = await authority.watchable(caller, chatOf(each.chat));
          // who may not is refused before
          if (ok) watches.push(new Watch(live, caller, chatOf(each.chat), boundTo(ok.chat, ok.workspace)));
        }
        // the oracle: everybody who is open is asked about
        const expected = await Promise.all(
          watches.map(async ({ ending, client, chatId, bound }) => {
            if (ending !== undefined) return [ending, bound];
            if (!(await here.tokens.isLive(client.tokenId))) return ["tokenRevoked", bound];
            const { ok, refusal } = await authority.watchable(client, chatId);
            if (ok) return [undefined, boundTo(ok.chat, ok.workspace)];
            return [refusal === REFUSALS.archived ? "chat is archived" : refusal?.body.message, bound];
          }),
        );
        const expectedTunnels = await Promise.all(
          tunnels.map(
            async ({ ending, token }) =>
              ending ?? ((await here.tokens.isLive(token.tokenId)) ? undefined : "tokenRevoked"),
          ),
        );
        live.expire(Date.now());
        if (store === here) reconciler.changed();
        else reconciler.poll();
        await settled();
        const found = watches.map(({ ending, bound }) => [ending, bound]);
        const foundTunnels = tunnels.map(({ ending }) => ending);
        if (JSON.stringify([found, foundTunnels]) === JSON.stringify([expected, expectedTunnels])) continue;
        const differs = { after: each, found, expected, foundTunnels, expectedTunnels };
        throw new Error(`other sockets were ended: ${JSON.stringify(differs)}`);
      }
      for (const watch of watches) watch.end("over");
      for (const tunnel of tunnels) tunnel.close("over");
    }),
    { numRuns: 30 },
  );
});
