import { EventEmitter } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import type { WebSocket } from "ws";
import { ReadHold } from "../../../src/relay/sockets/read-hold.js";
import { RateBuckets, TunnelRate } from "../../../src/relay/sockets/tunnel-rate.js";
import { FakeClock } from "../../support/fake-clock.js";
import fc from "../../support/fast-check.js";
import { fileOf } from "../support/fake-agent.js";
import { updateOf } from "../support/states.js";

const LIMITS = { agentMessagesPerSecond: 100, agentBytesPerSecond: 10_000, agentStallMsPerSecond: 5 };
const MAX_HOLD_MS = 7_500;

class FakeSocket extends EventEmitter {
  isRead = true;

  pause(): void {
    this.isRead = false;
  }

  resume(): void {
    this.isRead = true;
  }
}

function open(limits = LIMITS) {
  const socket = new FakeSocket();
  const clock = new FakeClock();
  const buckets = new RateBuckets(limits, clock);
  const rate = new TunnelRate(new ReadHold(socket as unknown as WebSocket, socket), buckets, MAX_HOLD_MS, clock);
  return { socket, clock, buckets, rate };
}

t.test("ten seconds of the rate may come at once, and are not slowed", async (t) => {
  const { socket, clock, rate } = open();
  for (let count = 0; count < 1_000; count += 1) t.equal(rate.frame(100), false);
  t.ok(socket.isRead);
  t.equal(rate.frame(1), true, "the one too many");
  t.notOk(socket.isRead);
  t.equal(rate.frame(1), false, "said once");
  await clock.advance(1_000);
  t.ok(socket.isRead, "and when the debt is paid it is read again");
});

t.test("messages without bytes are counted, and so are bytes of one message", async (t) => {
  const messages = open();
  for (let count = 0; count <= 1_000; count += 1) messages.rate.frame(0);
  t.notOk(messages.socket.isRead);
  const bytes = open();
  bytes.rate.frame(100_001);
  t.notOk(bytes.socket.isRead);
});

t.test("what a message makes the relay do is counted beside its frame", async (t) => {
  const cases = [
    { type: "chat", chat: "c", roots: new Array(10_000).fill("/a") },
    { type: "gone", root: "/a" },
    updateOf(new Array(10_000).fill(fileOf("a", "1"))),
  ] as const;
  for (const message of cases) {
    const { socket, rate } = open();
    let count = 0;
    for (; socket.isRead && count < 1_000; count += 1)
      rate.message(
        { ...message, roots: [...(("roots" in message && message.roots) || [])] } as Parameters<typeof rate.message>[0],
        10,
        10_000,
      );
    t.ok(count < 100, `${message.type}: held after ${count}`);
  }
  const { socket, rate } = open();
  for (let count = 0; count < 10_000; count += 1) rate.message({ type: "gone", root: "/a" }, 10, 0);
  t.ok(socket.isRead, "what is no work costs nothing");
});

t.test("a small change of a tree of very many files is counted as the work that it is", async (t) => {
  const edit = updateOf([fileOf("a", "1")], { seq: 2, base: 1 });
  const heldAfter = (files: number) => {
    const { socket, rate } = open({ ...LIMITS, agentMessagesPerSecond: 1_000 });
    let count = 0;
    for (; socket.isRead && count < 1_000; count += 1) rate.message(edit, 10, 1, files);
    return count;
  };
  t.equal(heldAfter(20_000), 1_000, "what is within the free time costs nothing");
  t.ok(heldAfter(200_000) < 20, `held after ${heldAfter(200_000)}`);
});

t.test("an agent is never held for so long that it misses a ping, whatever it owes", async (t) => {
  const { socket, clock, rate } = open();
  rate.frame(100_000_000);
  await clock.advance(7_499);
  t.notOk(socket.isRead);
  await clock.advance(1);
  t.ok(socket.isRead);
  t.equal(rate.frame(1), true, "and has nothing left to spend");
});

t.test("on average no more comes than may, however it comes", async (t) => {
  const frames = fc.array(fc.record({ bytes: fc.nat(20_000), pauseMs: fc.nat(2_000) }), { maxLength: 200 });
  const property = fc.asyncProperty(frames, async (sequence) => {
    const { socket, clock, rate } = open();
    let bytes = 0;
    for (const frame of sequence) {
      if (!socket.isRead) await clock.advance(7_500);
      if (!socket.isRead) return false;
      rate.frame(frame.bytes);
      bytes += frame.bytes;
      await clock.advance(frame.pauseMs);
    }
    return bytes <= (clock.monotonicMs() / 1_000) * 10_000 + 100_000 + 20_000;
  });
  await t.resolves(fc.assert(property));
});

t.test("who takes long turns of the relay gets few of them, and who takes short ones as many as may be", async (t) => {
  const PART = 64 * 1024;
  const MiB = 1024 * 1024;
  const wide = { agentMessagesPerSecond: 2_000, agentBytesPerSecond: 8 * MiB, agentStallMsPerSecond: 5 };
  /** Sends updates for a minute, as many as are read. @returns how many came through */
  const updatesInAMinute = async (frames: readonly number[], files: number) => {
    const { socket, clock, rate } = open(wide);
    let updates = 0;
    while (clock.monotonicMs() < 60_000) {
      for (const [at, bytes] of frames.entries()) {
        while (!socket.isRead) await clock.advance(100);
        rate.frame(bytes);
        const upserts = new Array(Math.ceil(files / frames.length)).fill(fileOf("a", "1"));
        rate.message({ ...updateOf(upserts), more: at < frames.length - 1 }, bytes, 1);
      }
      updates += 1;
      await clock.advance(20);
    }
    return updates;
  };
  // 24 ms of reading and 7.5 of merging: 150 ms at once, 5 ms a second, and what is forgiven every 7.5 s
  const inOneFrame = await updatesInAMinute([3 * MiB], 1);
  t.ok(inOneFrame > 10 && inOneFrame < 25, `3 MiB in one frame: ${inOneFrame}`);
  const manyFiles = await updatesInAMinute(new Array(48).fill(PART), 3_000);
  t.ok(manyFiles > 20 && manyFiles < 45, `3 MiB and 3,000 files in parts: ${manyFiles}`);
  t.ok((await updatesInAMinute([2_500], 1)) > 2_900, "edits");
  const listsInAMinute = async (roots: number) => {
    const { socket, clock, rate } = open(wide);
    const message = { type: "chat" as const, chat: "c", roots: new Array<string>(roots).fill("/a") };
    let lists = 0;
    for (; clock.monotonicMs() < 60_000; lists += 1) {
      while (!socket.isRead) await clock.advance(100);
      rate.frame(10 * roots);
      rate.message(message, 10 * roots, 1);
      await clock.advance(20);
    }
    return lists;
  };
  const longLists = await listsInAMinute(9_000); // 11.5 ms each beyond what is free
  t.ok(longLists > 30 && longLists < 50, `lists of 9,000 trees: ${longLists}`);
  t.ok((await listsInAMinute(1_000)) > 500, "lists of 1,000 trees, by their roots alone"); // 250 messages each
  t.ok((await updatesInAMinute([PART, PART, PART], 150)) > 2_000, "updates of three parts, by their bytes alone");
});

t.test("a new connection has what the last one has left, and a welcome costs what it names", async (t) => {
  const { clock, buckets, rate } = open();
  rate.frame(100_000);
  const socket = new FakeSocket();
  const next = new TunnelRate(new ReadHold(socket as unknown as WebSocket, socket), buckets, MAX_HOLD_MS, clock);
  next.frame(1);
  t.notOk(socket.isRead);
  const welcomed = open();
  let count = 0;
  for (; welcomed.socket.isRead; count += 1) welcomed.rate.welcome(10_000);
  t.equal(count, 2);
  t.ok(welcomed.buckets.waitMs() > 0, "who comes again has to wait");
});

t.test("when the socket is closed, nothing waits", async (t) => {
  const { clock, rate } = open();
  rate.frame(200_000);
  rate.stop();
  t.equal(clock.waiting, 0);
});

t.test("what makes lists of trees anew is the last that its party has of a turn", async (t) => {
  const messages = [
    { message: { type: "gone", root: "/a" }, isLast: true },
    { message: { type: "chat", chat: "c", roots: ["/a"] }, isLast: true },
    { message: { type: "scanned", root: "/a", scanned_at: "2026-03-05T10:11:12.345Z" }, isLast: false },
    { message: updateOf([fileOf("a", "1")]), isLast: false },
  ] as const;
  for (const { message, isLast } of messages) {
    const { buckets, rate } = open();
    const roots = "roots" in message ? { roots: [...message.roots] } : {};
    rate.message({ ...message, ...roots } as Parameters<typeof rate.message>[0], 10, 1);
    t.equal(buckets.turn.take(1), !isLast, message.type);
    await nextTurn();
    t.equal(buckets.turn.take(1), true, "the next turn is another one");
  }
});
