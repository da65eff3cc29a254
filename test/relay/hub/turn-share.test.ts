import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { type Frame, GitStream, Hub } from "../../../src/relay/hub/index.js";
import { TURN_BYTES, TurnShare } from "../../../src/relay/hub/turn-share.js";
import { DEFAULT_LIMITS } from "../../../src/relay/limit-options.js";
import { SqliteStore } from "../../../src/relay/store/index.js";
import { silentLogger } from "../../../src/util/index.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";
import { attachAnswering } from "../support/answering-link.js";
import { fileOf } from "../support/fake-agent.js";
import { APP, updateOf } from "../support/states.js";

const WORKSPACES = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"] as const;
const CHATS = ["33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444"] as const;

/** A tree of so many bytes of diff. */
const large = (bytes: number, text = "x") => [fileOf("x", text.repeat(bytes))];

/** Two workspaces, and for each what its viewers were sent, in order, over the connection that a test decides on. */
async function open(t: Cleanup) {
  const store = new SqliteStore(tempDir(t));
  t.teardown(() => store.close());
  const { chatRoots, treeStates } = store;
  const hub = new Hub({ chatRoots, treeStates, log: silentLogger(), limits: DEFAULT_LIMITS });
  const sides = WORKSPACES.map((id, side) => {
    const workspace = hub.workspace(id);
    const link = attachAnswering(workspace);
    const frames: Frame[][] = [];
    /** @param drains has `done` called as the connection has room again */
    const watch = (drains: (done: () => void) => void) => {
      const own: Frame[] = [];
      frames.push(own);
      const outlet = {
        send(frame: Frame, done: () => void) {
          own.push(frame);
          drains(done);
        },
        onBlocked() {},
        onDrained() {},
        onFailed(thrown: unknown) {
          throw thrown;
        },
      };
      const binding = { workspace: id, chat: CHATS[side] ?? "", paths: [] };
      const viewer = hub.watch(binding, { outlet, stream: new GitStream(), acceptsStale: false });
      t.teardown(() => hub.leave(viewer, { mayReturn: false }));
      return viewer;
    };
    let seq = 0;
    const tell = (files: ReturnType<typeof large>) => {
      seq += 1;
      workspace.receive(link, updateOf(files, { seq }));
    };
    const begin = async () => {
      workspace.receive(link, { type: "chat", chat: CHATS[side] ?? "", roots: [APP] });
      tell(large(1));
      await until("all have their first frame", () => frames.every((own) => own.length > 0));
      for (let turn = 0; turn < 3; turn += 1) await nextTurn(); // they have read it
      for (const own of frames) own.length = 0;
    };
    return { frames, watch, tell, begin };
  });
  return { hub, sides: sides as [(typeof sides)[0], (typeof sides)[0]] };
}

const bytesOf = (frames: readonly Frame[]) => frames.reduce((sum, { data }) => sum + data.payload.length, 0);
const atOnce = (done: () => void) => void setImmediate(done);

t.test(
  "a large diff goes to some viewers in each turn, the same bytes to all, and another workspace's edit goes between",
  async (t) => {
    const { sides } = await open(t);
    const [large_, small] = sides;
    for (let count = 0; count < 6; count += 1) large_.watch(atOnce);
    small.watch(atOnce);
    await large_.begin();
    await small.begin();
    large_.tell(large(TURN_BYTES));
    t.equal(large_.frames.flat().length, 1, "one frame is all that a turn has room for");
    small.tell(large(10));
    t.equal(small.frames.flat().length, 1, "who is of another workspace waits for nobody");
    let before = 1;
    for (let turn = 0; before < 6 && turn < 100; turn += 1) {
      await nextTurn();
      const now = large_.frames.flat().length;
      t.ok(now - before <= 1, `${now - before} in a turn`);
      before = now;
    }
    await nextTurn();
    t.same(
      large_.frames.map((own) => own.length),
      [1, 1, 1, 1, 1, 1],
    );
    t.equal(new Set(large_.frames.map(([frame]) => frame?.data)).size, 1);
  },
);

t.test("small frames go to all viewers at once", async (t) => {
  const { sides } = await open(t);
  const [side] = sides;
  for (let count = 0; count < 30; count += 1) side.watch(atOnce);
  await side.begin();
  side.tell(large(2_000));
  t.equal(side.frames.flat().length, 30);
});

t.test("a client that takes whatever it is sent has so much of a long message in a turn, and no more", async (t) => {
  const { sides } = await open(t);
  const [side] = sides;
  // as a socket does whose peer reads: what is written is taken within the same turn
  side.watch((done) => process.nextTick(done));
  await side.begin();
  const [own = []] = side.frames;
  side.tell(large(2_900_000));
  const perTurn: number[] = [];
  for (let before = 0; own.at(-1)?.isLast !== true && perTurn.length < 100; ) {
    await nextTurn();
    perTurn.push(bytesOf(own) - before);
    before = bytesOf(own);
  }
  t.equal(own.at(-1)?.isLast, true);
  const most = Math.max(...perTurn);
  const largest = Math.max(...own.map(({ data }) => data.payload.length));
  t.ok(most < 2 * (TURN_BYTES / 2 + largest), `${perTurn}`); // those of one turn, and of the next one that began with it
  t.ok(bytesOf(own) > 2_900_000);
});

t.test("who waits for a turn is shown what is true by then, and who leaves nothing", async (t) => {
  const { hub, sides } = await open(t);
  const [side] = sides;
  const viewers = Array.from({ length: 4 }, () => side.watch(atOnce));
  await side.begin();
  side.tell(large(TURN_BYTES, "a"));
  const [, second] = viewers;
  if (second !== undefined) hub.leave(second, { mayReturn: true });
  side.tell(large(TURN_BYTES, "b"));
  const ended = (own: readonly Frame[]) => own.at(-1)?.data.payload.includes("+bbb") === true;
  await until("those who are here have the last state", () => side.frames.every((own, at) => at === 1 || ended(own)));
  const [first = [], left = [], third = [], fourth = []] = side.frames;
  t.same([first.length, left.length, third.length, fourth.length], [2, 0, 1, 1]);
});

t.test("to look through a long list of trees is a part of the turn, whether or not a frame comes of it", async (t) => {
  const turn = new TurnShare();
  const viewer = { flush: () => undefined };
  for (let count = 0; count < 3; count += 1) {
    turn.spend(0, { trees: 1_250 });
    t.ok(turn.enter(viewer), `${count + 1} viewers of 1,250 trees`);
  }
  turn.spend(0, { trees: 1_250 });
  t.notOk(turn.enter(viewer));
  await nextTurn();
  t.ok(turn.enter(viewer));
});
