// What one relay writes of chats' lists, and what it lets go, while their agents say others or are another relay's.
import t from "tap";
import { NatsChatRoots } from "../../../../src/relay/store/nats/chats/chat-roots.js";
import { KeyedStream } from "../../../../src/relay/store/nats/keyed-stream.js";
import { NatsLink } from "../../../../src/relay/store/nats/nats-link.js";
import { ROOTS_STREAM } from "../../../../src/relay/store/nats/streams.js";
import { rootsSubject } from "../../../../src/relay/store/nats/subjects.js";
import { silentLogger, systemClock } from "../../../../src/util/index.js";
import { withoutNats } from "../../../support/nats-server.js";
import type { Cleanup } from "../../../support/temp.js";
import { startStores } from "./support.js";

const skip = withoutNats;
const PATIENCE_MS = 20_000;
const rootsOf = (count: number, mark = ""): string[] =>
  Array.from({ length: count }, (_, at) => `/${mark}${at}`).sort();

/** Two relays' lists on one server, of a few roots at most for each workspace. */
async function start(t: Cleanup, maxRows: number) {
  const { connection } = await startStores(t);
  const open = async () => {
    const link = await NatsLink.over(connection, { clock: systemClock, patienceMs: PATIENCE_MS });
    const roots = new NatsChatRoots(link, { clock: systemClock, log: silentLogger(), maxRows });
    t.teardown(() => roots.close());
    return roots;
  };
  const stream = new KeyedStream(
    await NatsLink.over(connection, { clock: systemClock, patienceMs: PATIENCE_MS }),
    ROOTS_STREAM,
  );
  /** What is there, as a relay finds it that has just begun. */
  const stored = async (chat: string) => {
    const fresh = await open();
    await fresh.prepare(chat);
    return fresh.present(chat);
  };
  const isStored = async (chat: string) => (await stream.last(rootsSubject(chat))).data !== undefined;
  const settle = (roots: NatsChatRoots) => roots.flush(() => false);
  return { here: await open(), beside: await open(), stored, isStored, settle };
}

t.test("what a workspace has too much goes, the oldest first, and no other", { skip }, async (t) => {
  const { here, stored, isStored, settle } = await start(t, 10);
  for (const chat of ["a", "b", "c"]) {
    here.record("w", chat, rootsOf(4));
    await settle(here);
  }
  here.record("other", "d", rootsOf(4));
  await settle(here);
  t.same(await Promise.all(["a", "b", "c", "d"].map(isStored)), [false, true, true, true]);
  t.same([here.present("a"), here.present("b"), await stored("b")], [[], rootsOf(4), rootsOf(4)]);
});

t.test("a list that waits is not let go with what its chat had", { skip }, async (t) => {
  const { here, stored, settle } = await start(t, 10);
  here.record("w", "a", rootsOf(4));
  await settle(here);
  // both are under way at once: what is written first finds too much
  here.record("w", "b", rootsOf(8));
  here.record("w", "a", rootsOf(5, "new-"));
  await settle(here);
  t.same(here.present("a"), await stored("a"), "what is shown is what is there");
  t.same(here.present("b"), await stored("b"));
  t.not(here.present("a").length + here.present("b").length, 0);
});

t.test("a chat that is another workspace's by now stays when the former one has too much", { skip }, async (t) => {
  const { here, stored, settle } = await start(t, 10);
  here.record("former", "a", rootsOf(4));
  await settle(here);
  here.record("former", "b", rootsOf(9)); // it is written first, and finds what the former has of the chat
  here.record("latter", "a", rootsOf(4, "l"));
  await settle(here);
  t.same([here.present("a"), await stored("a")], [rootsOf(4, "l"), rootsOf(4, "l")]);
  t.same(await stored("b"), rootsOf(9));
});

t.test("what is gone of a chat stays gone, whatever is read of it before that is written", { skip }, async (t) => {
  const { here, beside, stored, settle } = await start(t, 10);
  beside.record("w", "a", ["/a", "/b", "/c"]);
  await settle(beside);
  here.bury("w", "a", "/a");
  const read = here.prepare("a");
  here.bury("w", "a", "/c");
  await read;
  here.bury("w", "a", "/b");
  t.same(here.present("a"), []);
  await settle(here);
  t.same([here.present("a"), await stored("a")], [[], []]);
});

t.test("what another relay has written meanwhile stays", { skip }, async (t) => {
  const { here, beside, stored, settle } = await start(t, 10);
  here.record("w", "a", rootsOf(4));
  await settle(here);
  await beside.prepare("a");
  beside.record("w", "a", rootsOf(4, "beside"));
  await settle(beside);
  here.record("w", "b", rootsOf(9));
  await settle(here);
  t.same([await stored("a"), here.present("a")], [rootsOf(4, "beside"), rootsOf(4, "beside")]);
});
