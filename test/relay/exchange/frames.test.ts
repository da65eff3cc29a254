import t from "tap";
import { FrameReader, FrameWriter } from "../../../src/relay/exchange/bus/frames.js";
import fc from "../../support/fast-check.js";

const SUBJECT = "tw1.ws.x.ev";

/** What a reader makes of frames, one after the other. */
function readAll(reader: FrameReader, frames: readonly Uint8Array[], subject = SUBJECT): unknown[] {
  return frames.map((frame) => reader.read(subject, frame)).filter((message) => message !== undefined);
}

t.test("a message of any length arrives whole, in frames that the bus has room for", async (t) => {
  const writer = new FrameWriter();
  const reader = new FrameReader();
  const texts = fc.oneof(
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.string({ minLength: 4_000, maxLength: 9_000 }),
  );
  const property = fc.property(texts, fc.integer({ min: 64, max: 1_000 }), (text, maxBytes) => {
    const frames = writer.write({ text }, maxBytes);
    t.ok(frames.every(({ length }) => length <= maxBytes));
    t.same(readAll(reader, frames), [{ text }]);
  });
  fc.assert(property, { numRuns: 30 });
});

t.test("long messages are deflated", async (t) => {
  const [frame, ...more] = new FrameWriter().write({ text: "x".repeat(100_000) }, 1_000_000);
  t.ok(frame !== undefined && frame.length < 2_000);
  t.same(more, []);
});

t.test("a message that lacks a part, or has it at the wrong place, is no message, and the next one is", async (t) => {
  const writer = new FrameWriter();
  const reader = new FrameReader();
  const write = (text: string) => writer.write({ text }, 40);
  const parts = fc.array(fc.nat(7), { maxLength: 8 });
  fc.assert(
    fc.property(parts, (order) => {
      const frames = write("a text of several frames, as they are so small here");
      const sent = order.flatMap((at) => frames[at] ?? []);
      const isWhole = sent.some((_, from) => frames.every((frame, at) => sent[from + at] === frame));
      t.equal(readAll(reader, sent).length > 0, isWhole, `parts ${order} of ${frames.length}`);
      t.same(readAll(reader, write("the next one, which is as long as the one before")).length, 1);
    }),
    { numRuns: 50 },
  );
});

t.test("messages of several senders, or at several subjects, do not mix", async (t) => {
  const reader = new FrameReader();
  const long = "a text of several frames, as they are so small here";
  const [one, other] = [new FrameWriter(), new FrameWriter()].map((writer) => writer.write({ long }, 40)) as [
    Uint8Array[],
    Uint8Array[],
  ];
  const heard = one.flatMap((frame, at) => [
    ...readAll(reader, [frame], "a"),
    ...readAll(reader, [other[at] ?? frame], "a"),
    ...readAll(reader, [frame], "b"),
  ]);
  t.same(heard, [{ long }, { long }, { long }]);
});

t.test("what is no frame, is damaged, or unpacks to more than any message is dropped", async (t) => {
  const reader = new FrameReader();
  const [frame] = new FrameWriter().write({ text: "x".repeat(10_000) }, 1_000_000);
  if (frame === undefined) throw new Error("there is a frame");
  const ofVersion = (version: number) => Uint8Array.from(frame, (byte, at) => (at === 0 ? version : byte));
  for (const bad of [new Uint8Array(), frame.subarray(0, 17), frame.subarray(0, 30), ofVersion(0), ofVersion(2)]) {
    t.equal(reader.read(SUBJECT, bad), undefined);
  }
  t.same(new FrameWriter().write("x".repeat(33 * 1024 * 1024), 1_000_000), [], "nor is it sent");
  t.ok(reader.read(SUBJECT, frame));
});
