import t from "tap";
import { LineBuffer, type LineOutput } from "../../../src/util/log/line-buffer.js";
import fc from "../../support/fast-check.js";

class SystemError extends Error {
  readonly syscall = "write";
  constructor(readonly code: string) {
    super(code);
  }
}

/** An output that takes what the test lets it take. */
class Output implements LineOutput {
  text = "";
  /** Bytes that it still takes; after that it fails. */
  room = Number.POSITIVE_INFINITY;
  code = "EAGAIN";
  /** The most bytes of one write. */
  most = Number.POSITIVE_INFINITY;

  writeNow(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.room, this.most);
    if (count === 0) throw new SystemError(this.code);
    this.room -= count;
    this.text += Buffer.from(bytes.subarray(0, count)).toString("latin1");
    return count;
  }
}

/** A buffer whose retries the test lets happen. */
function buffer(output: LineOutput, limits: { maxLines?: number; maxBytes?: number } = {}) {
  let retry: (() => void) | undefined;
  const delays: number[] = [];
  const after = (delayMs: number, run: () => void) => {
    delays.push(delayMs);
    retry = run;
  };
  const lines = new LineBuffer(output, { ...limits, after });
  lines.describeDropped = (count) => `dropped ${count}\n`;
  const tryAgain = () => {
    const run = retry;
    retry = undefined;
    run?.();
  };
  return { lines, delays, tryAgain, waits: () => retry !== undefined };
}

t.test("lines that are taken are written at once", (t) => {
  const output = new Output();
  const { lines, delays } = buffer(output);
  lines.write("a\n");
  t.equal(output.text, "a\n");
  lines.write("b\n");
  t.equal(output.text, "a\nb\n");
  t.same(delays, []);
  t.end();
});

t.test("lines that nobody takes wait; the oldest go, and the first that is taken says how many", (t) => {
  const output = new Output();
  output.room = 0;
  const { lines, tryAgain } = buffer(output, { maxLines: 3 });
  for (let count = 0; count < 10; count += 1) lines.write(`${count}\n`);
  t.equal(output.text, "");
  output.room = Number.POSITIVE_INFINITY;
  tryAgain();
  t.equal(output.text, "0\ndropped 6\n7\n8\n9\n", "the one that was tried is kept");
  lines.write("10\n");
  t.match(output.text, /9\n10\n$/, "and what comes then is written at once");
  t.end();
});

t.test("the bytes that wait are bounded as well", (t) => {
  const output = new Output();
  output.room = 0;
  const { lines, tryAgain } = buffer(output, { maxBytes: 100 });
  for (let count = 0; count < 20; count += 1) lines.write(`${"x".repeat(29)}\n`);
  output.room = Number.POSITIVE_INFINITY;
  tryAgain();
  t.equal(output.text.length, 4 * 30 + "dropped 16\n".length);
  t.end();
});

t.test("whatever the output says, it is tried again, less and less often", (t) => {
  for (const code of ["EAGAIN", "ENOSPC", "EIO", "EPIPE", "EBADF", "EDQUOT"]) {
    const output = new Output();
    output.room = 0;
    output.code = code;
    const { lines, delays, tryAgain } = buffer(output);
    lines.write("a\n");
    for (let count = 0; count < 9; count += 1) tryAgain();
    t.same(delays, [20, 40, 80, 160, 320, 640, 1000, 1000, 1000, 1000], code);
    output.room = 2;
    tryAgain();
    t.equal(output.text, "a\n");
  }
  t.end();
});

t.test("an output that writes in the background has one write at a time", (t) => {
  const writes: { text: string; done: (error: Error | null, written: number) => void }[] = [];
  const flushed: string[] = [];
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
  const { lines, delays, tryAgain } = buffer({
    writeNow: (bytes) => flushed.push(text(bytes)) && bytes.length,
    writeLater: (bytes, done) => void writes.push({ text: text(bytes), done }),
  });
  for (const line of ["a\n", "b\n", "c\n"]) lines.write(line);
  t.same(
    writes.map((each) => each.text),
    ["a\n"],
  );
  writes[0]?.done(null, 2);
  t.equal(writes[1]?.text, "b\nc\n");
  writes[1]?.done(null, 1);
  t.equal(writes[2]?.text, "\nc\n", "what was not written of it comes next");
  writes[2]?.done(new SystemError("ENOSPC"), 0);
  t.same(delays, [20]);
  tryAgain();
  t.equal(writes[3]?.text, "\nc\n");
  lines.write("d\n");
  lines.flush(0);
  t.same(flushed, ["d\n"], "at the end of the process a thread still has the one before");
  t.end();
});

t.test("the end of a process waits for an output that takes nothing, and no longer than it may", (t) => {
  const output = new Output();
  output.room = 0;
  const { lines } = buffer(output);
  lines.write("a\n");
  lines.flush(20);
  t.equal(output.text, "");
  output.room = 100;
  lines.flush(20);
  t.equal(output.text, "a\n");
  t.end();
});

t.test(
  "whatever an output takes, when and how much: lines come whole and in order, and every missing one is counted",
  (t) => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ write: fc.integer({ min: 1, max: 60 }) }) },
      { weight: 2, arbitrary: fc.record({ room: fc.integer({ min: 0, max: 120 }) }) },
      { weight: 2, arbitrary: fc.constant({ tryAgain: true as const }) },
    );
    const limits = fc.record({ maxLines: fc.integer({ min: 1, max: 8 }), maxBytes: fc.integer({ min: 20, max: 300 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), limits, fc.integer({ min: 1, max: 40 }), (steps, bounds, most) => {
        const output = new Output();
        output.most = most;
        output.room = 0;
        const { lines, tryAgain, waits } = buffer(output, bounds);
        let written = 0;
        for (const each of steps) {
          if ("write" in each) {
            lines.write(`${written} ${"x".repeat(each.write)}\n`);
            written += 1;
          } else if ("room" in each) output.room = each.room;
          else tryAgain();
        }
        output.room = Number.POSITIVE_INFINITY;
        if (waits()) tryAgain();
        let next = 0;
        for (const line of output.text.split("\n").slice(0, -1)) {
          const [, dropped] = /^dropped (\d+)$/.exec(line) ?? [];
          if (dropped !== undefined) next += Number(dropped);
          else if (/^\d+ x+$/.test(line) && Number.parseInt(line, 10) === next) next += 1;
          else return false;
        }
        // only lines that were dropped last are not told of yet: the next line will
        lines.write("end\n");
        const told = [...output.text.matchAll(/^dropped (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
        const arrived = output.text.split("\n").filter((line) => /^\d+ x+$/.test(line)).length;
        return told + arrived === written && output.text.endsWith("end\n");
      }),
    );
    t.end();
  },
);
