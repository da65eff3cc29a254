import t from "tap";
import { freeBuffer } from "../../../src/relay/http/free-buffer.js";

const MIB = 1024 * 1024;

t.test("a chunk's memory is back at once, without a collection", (t) => {
  const before = process.memoryUsage().arrayBuffers;
  const chunks = Array.from({ length: 64 }, () => Buffer.allocUnsafeSlow(MIB));
  t.ok(process.memoryUsage().arrayBuffers >= before + 60 * MIB);
  for (const chunk of chunks) freeBuffer(chunk);
  t.ok(process.memoryUsage().arrayBuffers <= before + 4 * MIB);
  t.same(new Set(chunks.map(({ length }) => length)), new Set([0]), "and who still had it sees that it is gone");
  t.end();
});

t.test("memory that others have as well is left alone", (t) => {
  const whole = Buffer.allocUnsafeSlow(100).fill(7);
  freeBuffer(whole.subarray(0, 50));
  t.same(whole, Buffer.alloc(100, 7));
  const pooled = Buffer.from("one of many in a pool");
  freeBuffer(pooled);
  t.equal(pooled.toString(), "one of many in a pool");
  const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(7);
  freeBuffer(shared);
  t.same([...shared], Array(8).fill(7));
  freeBuffer(Buffer.alloc(0));
  t.end();
});
