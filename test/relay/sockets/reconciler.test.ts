import t from "tap";
import type { Client } from "../../../src/relay/access/index.js";
import { REFUSALS } from "../../../src/relay/answers.js";
import { Failures } from "../../../src/relay/failures.js";
import { LiveSockets, type LiveTunnel, type LiveWatch } from "../../../src/relay/sockets/live-sockets.js";
import { Reconciler } from "../../../src/relay/sockets/reconciler.js";
import type { Changes } from "../../../src/relay/store/index.js";
import { silentLogger } from "../../../src/util/index.js";
import fc from "../../support/fast-check.js";
import { until } from "../../support/until.js";

const SOCKETS = 4_000;
const NOTHING: Changes = { tokens: new Set(), chats: new Set() };

/** Who may watch what, as a test decides it; counts what it is asked. */
class FakeAuthority {
  readonly revoked = new Set<string>();
  readonly archived = new Set<string>();
  /** What each question was about. */
  readonly asked: string[] = [];

  isLive({ tokenId }: Client): boolean {
    return this.isLiveToken(tokenId);
  }

  isLiveToken(tokenId: string): boolean {
    this.asked.push(`token ${tokenId}`);
    return !this.revoked.has(tokenId);
  }

  async watchable(client: Client, chat: string) {
    this.asked.push(`chat ${chat} ${client.tokenId}`);
    if (this.archived.has(chat)) return { refusal: REFUSALS.archived };
    return { ok: { chat: { id: chat, paths: [] }, workspace: "w" } };
  }
}

class Socket implements LiveWatch {
  readonly client: Client;
  readonly prefix = "";
  /** How it was ended. */
  end_: string | undefined;

  constructor(
    readonly live: LiveSockets,
    tokenId: string,
    readonly chatId: string,
  ) {
    this.client = { tokenId, user: "alice", admin: false, workspace: undefined, chat: undefined, expiresAt: undefined };
    live.addWatch(this);
  }

  close(reason: string): void {
    this.#ended(reason);
  }

  end(error: string): void {
    this.#ended(error);
  }

  rebind(): void {}

  #ended(how: string): void {
    this.end_ ??= how;
    this.live.deleteWatch(this);
  }
}

function open() {
  const authority = new FakeAuthority();
  return { authority, live: new LiveSockets(authority, (tokenId) => authority.isLiveToken(tokenId)) };
}

/** A store that says what the test has put there. */
function reconcilerOf(live: LiveSockets, noted: unknown[] = []) {
  const store = {
    moved: 0,
    next: NOTHING as Changes | "all" | Error,
    version: () => store.moved,
    changes: () => {
      const { next } = store;
      store.next = NOTHING;
      if (next instanceof Error) throw next;
      return next;
    },
  };
  const health = {
    note: (thrown: unknown) => {
      noted.push(thrown);
      return true;
    },
  };
  const failures = new Failures(health as never, silentLogger());
  return {
    store,
    reconciler: new Reconciler({ store, live, failures, forgetUpstream: undefined, chatsChanged: () => undefined }),
  };
}

t.test("a revoked token costs a question, however many sockets are open", async (t) => {
  const { authority, live } = open();
  const sockets = Array.from({ length: SOCKETS }, (_, at) => new Socket(live, `t${at % 100}`, `c${at % 1_000}`));
  const { store, reconciler } = reconcilerOf(live);
  authority.revoked.add("t7");
  store.next = { ...NOTHING, tokens: new Set(["t7"]) };
  store.moved += 1;
  reconciler.poll();
  t.equal(sockets.filter(({ end_ }) => end_ === "tokenRevoked").length, SOCKETS / 100);
  t.ok(sockets.every(({ end_, client }) => (end_ !== undefined) === (client.tokenId === "t7")));
  t.same(authority.asked, ["token t7"]);
});

t.test("a chat that was archived is asked about once a token", async (t) => {
  const { authority, live } = open();
  const sockets = Array.from({ length: SOCKETS }, (_, at) => new Socket(live, `t${at % 4}`, `c${at % 1_000}`));
  const { store, reconciler } = reconcilerOf(live);
  authority.archived.add("c8");
  store.next = { ...NOTHING, chats: new Set(["c8"]) };
  reconciler.changed();
  await until("they are closed", () => sockets.every(({ end_, chatId }) => (end_ !== undefined) === (chatId === "c8")));
  t.same(authority.asked, ["chat c8 t0"]);
});

t.test(
  "a look at everybody leaves the loop to others in between, and asks once for those who ask the same",
  async (t) => {
    const { authority, live } = open();
    for (let at = 0; at < SOCKETS; at += 1) new Socket(live, "t", `c${at % 1_000}`);
    let turns = 0;
    const count = () => {
      turns += 1;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    await live.reconcileChats("all");
    clearImmediate(next);
    t.equal(authority.asked.length, 1_000);
    t.ok(turns >= 50, `${turns} turns were left to others`);
  },
);

t.test("what the store could not say is asked again, and nothing of it is lost", async (t) => {
  const { authority, live } = open();
  const socket = new Socket(live, "t", "c");
  const noted: unknown[] = [];
  const { store, reconciler } = reconcilerOf(live, noted);
  authority.revoked.add("t");
  store.next = new Error("the disk");
  store.moved += 1;
  reconciler.poll();
  t.equal(noted.length, 1);
  t.equal(socket.end_, undefined);
  store.next = { ...NOTHING, tokens: new Set(["t"]) };
  await until("it is looked at again", () => {
    reconciler.poll();
    return socket.end_ === "tokenRevoked";
  });
});

t.test("a token that could not be asked about is asked about again", async (t) => {
  const { authority, live } = open();
  const socket = new Socket(live, "t", "c");
  const { store, reconciler } = reconcilerOf(live);
  authority.revoked.add("t");
  const { isLive } = authority;
  authority.isLive = () => {
    throw new Error("the disk");
  };
  store.next = { ...NOTHING, tokens: new Set(["t"]) };
  reconciler.changed();
  authority.isLive = isLive;
  await until("it is closed", () => {
    reconciler.poll();
    return socket.end_ === "tokenRevoked";
  });
  t.equal(live.counts().sockets, 0);
});

t.test("an upstream's slow answer about a chat keeps no revoked agent's tunnel open", async (t) => {
  const { authority, live } = open();
  new Socket(live, "t", "c");
  authority.watchable = () => new Promise(() => undefined);
  const { store, reconciler } = reconcilerOf(live);
  reconciler.recheckUpstream();
  const ends: string[] = [];
  live.addTunnel({
    token: { tokenId: "a", expiresAt: undefined },
    isOver: false,
    close: (reason) => ends.push(reason),
  });
  authority.revoked.add("a");
  store.next = { ...NOTHING, tokens: new Set(["a"]) };
  reconciler.changed();
  t.same(ends, ["tokenRevoked"]);
});

t.test("a tunnel ends with its token before it has said hello, and takes nobody's place with a dead one", async (t) => {
  const { authority, live } = open();
  const tunnel = (tokenId: string) => {
    const ends: string[] = [];
    const token = { tokenId, expiresAt: undefined };
    const made: LiveTunnel = { token, isOver: false, close: (reason) => ends.push(reason) };
    live.addTunnel(made);
    return { made, ends };
  };
  const [here, silent, late] = [tunnel("good"), tunnel("bad"), tunnel("bad")];
  t.ok(live.welcomeTunnel("w", here.made));
  authority.revoked.add("bad");
  t.notOk(live.welcomeTunnel("w", late.made));
  t.same([late.ends, here.ends], [["tokenRevoked"], []]);
  const looked = live.reconcileTokens(new Set(["bad"]));
  t.same(silent.ends, ["tokenRevoked"], "at once");
  await looked;
});

t.test("whatever changes, looking where it changed ends the same sockets as looking at all of them", async () => {
  const id = fc.nat({ max: 4 });
  const step = fc.oneof(
    fc.record({ kind: fc.constant("open" as const), token: id, chat: id }),
    fc.record({ kind: fc.constant("revoke" as const), token: id }),
    fc.record({ kind: fc.constant("archive" as const), chat: id }),
    fc.record({ kind: fc.constant("bring back" as const), chat: id }),
    fc.record({ kind: fc.constant("forget" as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { authority, live } = open();
      const { store, reconciler } = reconcilerOf(live);
      const sockets: Socket[] = [];
      const settle = async (changes: Changes | "all") => {
        store.next = changes;
        reconciler.changed();
        await new Promise((resolve) => setImmediate(resolve));
        await new Promise((resolve) => setImmediate(resolve));
      };
      for (const each of steps) {
        if (each.kind === "open") {
          const [token, chat] = [`t${each.token}`, `c${each.chat}`];
          // who may not is refused before
          if (!authority.revoked.has(token) && !authority.archived.has(chat))
            sockets.push(new Socket(live, token, chat));
          continue;
        }
        if (each.kind === "forget") await settle("all");
        else if (each.kind === "revoke") {
          authority.revoked.add(`t${each.token}`);
          await settle({ ...NOTHING, tokens: new Set([`t${each.token}`]) });
        } else {
          if (each.kind === "archive") authority.archived.add(`c${each.chat}`);
          else authority.archived.delete(`c${each.chat}`);
          await settle({ ...NOTHING, chats: new Set([`c${each.chat}`]) });
        }
        for (const { end_, client, chatId } of sockets) {
          if (end_ !== undefined) continue;
          if (authority.revoked.has(client.tokenId)) throw new Error(`${client.tokenId} is still open`);
          if (authority.archived.has(chatId)) throw new Error(`${chatId} is still open`);
        }
        const open_ = sockets.filter(({ end_ }) => end_ === undefined);
        if (live.counts().sockets !== open_.length) throw new Error("somebody is in the registry who is gone");
      }
      // nobody was ended who did not have to be
      for (const { end_, client, chatId } of sockets) {
        if (end_ === "tokenRevoked" && !authority.revoked.has(client.tokenId)) throw new Error("ended for nothing");
        const wasArchived = steps.some((each) => each.kind === "archive" && `c${each.chat}` === chatId);
        if (end_ === "chat is archived" && !wasArchived) throw new Error("ended for nothing");
      }
    }),
    { numRuns: 200 },
  );
});
