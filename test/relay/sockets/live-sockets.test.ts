import t from "tap";
import type { Answer, Client, Watchable } from "../../../src/relay/access/index.js";
import { REFUSALS } from "../../../src/relay/answers.js";
import { LiveSockets, type LiveTunnel, type LiveWatch } from "../../../src/relay/sockets/live-sockets.js";
import type { Soon } from "../../../src/relay/soon.js";

const CHAT = "33333333-3333-4333-8333-333333333333";
const WORKSPACE = "11111111-1111-4111-8111-111111111111";
const ENDED = "the token was revoked or has expired";

/** A watch socket that writes down what is done to it. */
function watchOf(client: Partial<Client> = {}): LiveWatch & { events: unknown[][] } {
  const events: unknown[][] = [];
  return {
    events,
    client: {
      tokenId: "t",
      user: "alice",
      admin: false,
      workspace: undefined,
      chat: undefined,
      expiresAt: undefined,
      ...client,
    },
    chatId: CHAT,
    prefix: "/api/v2",
    close: (...event) => events.push(["close", ...event]),
    rebind: (...event) => events.push(["rebind", ...event]),
    end: (...event) => events.push(["end", ...event]),
  };
}

function tunnelOf(tokenId: string, expiresAt?: Date): LiveTunnel & { events: unknown[][] } {
  const events: unknown[][] = [];
  return {
    events,
    token: { tokenId, expiresAt },
    isOver: false,
    close: (...event) => events.push(["close", ...event]),
  };
}

/** @param answer what the authority says of every chat */
function open(answer: Answer<Watchable>, revoked: readonly string[] = []) {
  const isLive = (tokenId: string) => !revoked.includes(tokenId);
  return new LiveSockets({ isLive: ({ tokenId }) => isLive(tokenId), watchable: async () => answer }, isLive);
}

/** An agent's socket opens, and it says hello. */
function arrive(live: LiveSockets, workspace: string, tunnel: LiveTunnel): Soon<boolean> {
  live.addTunnel(tunnel);
  return live.welcomeTunnel(workspace, tunnel);
}

async function reconcile(live: LiveSockets): Promise<void> {
  await live.reconcileTokens("all");
  await live.reconcileChats("all");
}

t.test("who may still watch goes on with the chat's present binding", async (t) => {
  const chat = { id: CHAT, paths: ["/home/me/app"] };
  const live = open({ ok: { chat, workspace: WORKSPACE } });
  const watch = watchOf();
  live.addWatch(watch);
  await reconcile(live);
  t.same(watch.events, [["rebind", chat, WORKSPACE]]);
});

t.test("who may not is closed, each in the words of the reason; an upstream in trouble ends nobody", async (t) => {
  const rows: [Answer<Watchable>, unknown[][]][] = [
    [{ refusal: REFUSALS.archived }, [["end", "chat is archived"]]],
    [{ refusal: REFUSALS.noWorkspace }, [["end", "Chat has no workspace to watch."]]],
    [{ refusal: REFUSALS.notFound }, [["end", REFUSALS.notFound.body.message]]],
    [{ refusal: REFUSALS.signedOut }, [["close", "tokenRevoked", ENDED]]],
    [{ refusal: REFUSALS.badGateway }, []],
  ];
  for (const [answer, events] of rows) {
    const live = open(answer);
    const watch = watchOf();
    live.addWatch(watch);
    await reconcile(live);
    t.same(watch.events, events);
  }
});

t.test("a revoked token closes its sockets and tunnels, and no others", async (t) => {
  const ended: string[] = [];
  const live = open({ refusal: REFUSALS.badGateway }, ended);
  const [watch, other] = [watchOf({ tokenId: "revoked" }), watchOf()];
  const [tunnel, otherTunnel] = [tunnelOf("revoked"), tunnelOf("good")];
  live.addWatch(watch);
  live.addWatch(other);
  await arrive(live, "one", tunnel);
  await arrive(live, "two", otherTunnel);
  ended.push("revoked");
  await reconcile(live);
  t.same(watch.events, [["close", "tokenRevoked", ENDED]]);
  t.same(tunnel.events, [["close", "tokenRevoked", ENDED]]);
  t.same([other.events, otherTunnel.events], [[], []]);
});

t.test("a token counts until the moment at which it expires", async (t) => {
  const live = open({ refusal: REFUSALS.badGateway });
  const at = Date.parse("2026-03-05T10:00:00Z");
  const [watch, forever] = [watchOf({ expiresAt: new Date(at) }), watchOf()];
  const tunnel = tunnelOf("t", new Date(at));
  live.addWatch(watch);
  live.addWatch(forever);
  await arrive(live, WORKSPACE, tunnel);
  live.expire(at - 1);
  t.same([watch.events, tunnel.events], [[], []]);
  live.expire(at);
  t.same([watch.events, tunnel.events], [[["close", "tokenRevoked", ENDED]], [["close", "tokenRevoked", ENDED]]]);
  t.same(forever.events, []);
});

t.test("a workspace has one tunnel, the newest; the end of an older one changes nothing", async (t) => {
  const live = open({ refusal: REFUSALS.badGateway });
  const [older, newer] = [tunnelOf("t"), tunnelOf("t")];
  await arrive(live, WORKSPACE, older);
  await arrive(live, WORKSPACE, newer);
  t.same(older.events, [["close", "replaced", "a newer agent has taken this workspace"]]);
  live.deleteTunnel(WORKSPACE, older);
  t.same(live.counts(), { sockets: 0, tunnels: 1 });
  live.deleteTunnel(WORKSPACE, newer);
  const watch = watchOf();
  live.addWatch(watch);
  t.same(live.counts(), { sockets: 1, tunnels: 0 });
  live.deleteWatch(watch);
  t.same(live.counts(), { sockets: 0, tunnels: 0 });
});

/** Live sockets whose store says late which tokens count: in the order that a test wants. */
function openLate() {
  const questions: ((isLive: boolean) => void)[] = [];
  const ask = () => new Promise<boolean>((resolve) => questions.push(resolve));
  const watchable = async (): Promise<Answer<Watchable>> => ({ refusal: REFUSALS.badGateway });
  return { live: new LiveSockets({ isLive: ask, watchable }, ask), questions };
}

t.test("of two agents the one that said hello last stays, whichever token is found to count first", async (t) => {
  const { live, questions } = openLate();
  const [older, newer] = [tunnelOf("t"), tunnelOf("t")];
  const arriving = [arrive(live, WORKSPACE, older), arrive(live, WORKSPACE, newer)];
  questions[1]?.(true);
  await arriving[1];
  questions[0]?.(true);
  t.same(await Promise.all(arriving), [false, true]);
  t.same([older.events, newer.events], [[["close", "replaced", "a newer agent has taken this workspace"]], []]);
  live.deleteTunnel(WORKSPACE, older);
  t.equal(live.counts().tunnels, 1);
});

t.test("an agent that is closed while its token is asked about takes nobody's place", async (t) => {
  const { live, questions } = openLate();
  const [here, late] = [tunnelOf("t"), { ...tunnelOf("t"), isOver: false }];
  const [first, second] = [arrive(live, WORKSPACE, here), arrive(live, WORKSPACE, late)];
  questions[0]?.(true);
  t.equal(await first, true);
  late.isOver = true; // its token was revoked, say
  questions[1]?.(true);
  t.equal(await second, false);
  t.same(here.events, []);
  t.equal(live.counts().tunnels, 1);
});

t.test("a socket that cannot be looked at again does not stay, and one that need not be is left alone", async (t) => {
  const { live, questions } = openLate();
  const [watch, later] = [watchOf(), watchOf()];
  const failures: unknown[] = [];
  const { generation } = live;
  live.addWatch(watch);
  await live.lookAgain(watch, generation, (thrown) => failures.push(thrown));
  t.equal(questions.length, 0, "nothing has changed");
  const broken = new LiveSockets(
    { isLive: () => Promise.reject(new Error("no answer")), watchable: async () => ({ refusal: REFUSALS.notFound }) },
    () => true,
  );
  broken.addWatch(later);
  await broken.reconcileTokens(new Set(["another"]));
  await broken.lookAgain(later, 0, (thrown) => failures.push(thrown));
  t.same(later.events, [["close", "internalError", "the relay has failed; come back"]]);
  t.match(failures, [{ message: "no answer" }]);
});

t.test("an answer about a chat that was overtaken by a later one is not acted on", async (t) => {
  const answers: ((answer: Answer<Watchable>) => void)[] = [];
  const watchable = () => new Promise<Answer<Watchable>>((resolve) => answers.push(resolve));
  const live = new LiveSockets({ isLive: () => true, watchable }, () => true);
  const watch = watchOf();
  live.addWatch(watch);
  const looks = [live.reconcileChats(new Set([CHAT])), live.reconcileChats(new Set([CHAT]))];
  const [before, now] = [["/before"], ["/now"]].map((paths) => ({ id: CHAT, paths: paths ?? [] }));
  if (before === undefined || now === undefined) throw new Error("two");
  answers[1]?.({ ok: { chat: now, workspace: WORKSPACE } });
  await looks[1];
  answers[0]?.({ ok: { chat: before, workspace: WORKSPACE } });
  await looks[0];
  t.same(watch.events, [["rebind", now, WORKSPACE]]);
});
