import { EventEmitter } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import type { WebSocket } from "ws";
import { Inbox } from "../../../src/relay/budgets/inbox.js";
import { TurnBudget } from "../../../src/relay/budgets/turn-budget.js";
import { ReadHold } from "../../../src/relay/sockets/read-hold.js";
import { FakeClock } from "../../support/fake-clock.js";
import fc from "../../support/fast-check.js";

const LONG = "L".charCodeAt(0);

class FakeSocket extends EventEmitter {
  isRead = true;

  pause(): void {
    this.isRead = false;
  }

  resume(): void {
    this.isRead = true;
  }
}

/** A turn that no time passes in: this machine may stand still for longer than a turn. */
const standingTurn = () => new TurnBudget(new FakeClock());

/** A socket of a party, and the names of its messages as they are handled. */
function open(budget: TurnBudget, handled: string[]) {
  const socket = new FakeSocket();
  const hold = new ReadHold(socket as unknown as WebSocket, socket);
  const inbox = new Inbox(budget, hold, ({ data }) => handled.push(data.toString("latin1", 0, 2)));
  /** @param name two characters */
  const receive = (name: string, bytes = 2) =>
    inbox.receive({ data: Buffer.concat([Buffer.from(name), Buffer.alloc(bytes - 2)]), isBinary: false });
  return { socket, inbox, receive };
}

t.test("what comes one by one is handled as it comes, and the socket is read on", async (t) => {
  const handled: string[] = [];
  const { socket, receive } = open(standingTurn(), handled);
  for (let count = 10; count < 50; count += 1) {
    receive(String(count));
    t.equal(handled.at(-1), String(count));
    t.ok(socket.isRead);
    await nextTurn();
  }
});

t.test(
  "of what comes at once four are handled in a turn, in order, and nothing is read until all are through",
  async (t) => {
    const handled: string[] = [];
    const { socket, receive } = open(standingTurn(), handled);
    for (let count = 10; count < 50; count += 1) receive(String(count));
    t.equal(handled.length, 4);
    for (let before = 4; before < 40; before = handled.length) {
      t.notOk(socket.isRead);
      await nextTurn();
      t.ok(handled.length > before && handled.length <= before + 8, `${handled.length} after ${before}`);
    }
    t.ok(socket.isRead);
    t.same(
      handled,
      Array.from({ length: 40 }, (_, at) => String(at + 10)),
    );
  },
);

t.test("a long message is all of a turn", async (t) => {
  const handled: string[] = [];
  const { receive } = open(standingTurn(), handled);
  for (const name of ["aa", "bb", "cc"]) receive(name, 70_000);
  t.same(handled, ["aa"]);
  await nextTurn();
  t.ok(handled.length < 3);
  await nextTurn();
  await nextTurn();
  t.same(handled, ["aa", "bb", "cc"]);
});

t.test("a message that takes long is all of a turn, however short it is", async (t) => {
  const handled: string[] = [];
  const clock = new FakeClock();
  const budget = new TurnBudget(clock);
  const socket = new FakeSocket();
  const hold = new ReadHold(socket as unknown as WebSocket, socket);
  const handle = ({ data }: { data: Buffer }) => {
    handled.push(String(data));
    void clock.advance(data[0] === LONG ? 3 : 0.1);
  };
  const inbox = new Inbox(budget, hold, handle);
  for (const name of ["L0", "s0", "L1", "L2", "s1", "s2", "s3", "s4"]) {
    inbox.receive({ data: Buffer.from(name), isBinary: false });
  }
  const turns = [[...handled]];
  for (let before = 1; handled.length < 8; before = handled.length) {
    await nextTurn();
    if (handled.length > before) turns.push(handled.slice(before));
  }
  t.same(turns, [["L0"], ["s0", "L1"], ["L2"], ["s1", "s2", "s3", "s4"]]);
});

t.test(
  "all sockets of a party have one turn, and a message each after the other; another party has its own",
  async (t) => {
    const handled: string[] = [];
    const budget = standingTurn();
    const sockets = ["a", "b", "c"].map((name) => ({ name, ...open(budget, handled) }));
    for (const { name, receive } of sockets) for (let count = 0; count < 4; count += 1) receive(name + count);
    t.same(handled, ["a0", "a1", "a2", "a3"]);
    open(standingTurn(), handled).receive("zz");
    t.equal(handled.pop(), "zz");
    for (let turn = 0; turn < 4; turn += 1) await nextTurn();
    t.same(handled.slice(4), ["b0", "c0", "b1", "c1", "b2", "c2", "b3", "c3"]);
  },
);

t.test("of a socket that is closed nothing more is handled, and the others go on", async (t) => {
  const handled: string[] = [];
  const budget = standingTurn();
  const [closed, other] = [open(budget, handled), open(budget, handled)];
  for (let count = 0; count < 9; count += 1) closed.receive(`a${count}`);
  other.receive("bb");
  closed.inbox.clear();
  for (let turn = 0; turn < 4; turn += 1) await nextTurn();
  t.same(handled, ["a0", "a1", "a2", "a3", "bb"]);
});

t.test("whatever comes and whenever, all of it is handled once and in order", async () => {
  const arrivals = fc.array(
    fc.record({
      socket: fc.nat(2),
      bytes: fc.constantFrom(2, 2, 2, 20_000, 100_000),
      turns: fc.constantFrom(0, 0, 0, 1),
    }),
    { maxLength: 60 },
  );
  const property = fc.asyncProperty(arrivals, async (sequence) => {
    const budget = standingTurn();
    const sides = Array.from({ length: 3 }, () => {
      const handled: string[] = [];
      return { handled, sent: [] as string[], ...open(budget, handled) };
    });
    for (const [at, { socket, bytes, turns }] of sequence.entries()) {
      const name = String(at + 10);
      sides[socket]?.sent.push(name);
      sides[socket]?.receive(name, bytes);
      for (let turn = 0; turn < turns; turn += 1) await nextTurn();
    }
    for (let turn = 0; turn < 70; turn += 1) await nextTurn();
    return sides.every(({ handled, sent, socket }) => handled.join() === sent.join() && socket.isRead);
  });
  await fc.assert(property, { numRuns: 50 });
});
