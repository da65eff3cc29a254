import t from "tap";
import { FrameWalker } from "../../../src/relay/upstream/frame-walker.js";
import fc from "../../support/fast-check.js";

/** RFC 6455, section 5.2. */
function encode({ size, mask, opcode }: { size: number; mask: boolean; opcode: number }): Buffer {
  const short = size < 126 ? size : size < 65_536 ? 126 : 127;
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(size));
  const extended = short === 126 ? length.subarray(6) : short === 127 ? length : Buffer.alloc(0);
  const head = Buffer.from([0x80 | opcode, (mask ? 0x80 : 0) | short]);
  return Buffer.concat([head, extended, Buffer.alloc(mask ? 4 : 0, 0xfe), Buffer.alloc(size, 0x81)]);
}

t.test("frames are counted and their ends are known, however their bytes are cut", (t) => {
  const size = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(125, 126, 65_535, 65_536, 70_000));
  const frames = fc.array(fc.record({ size, mask: fc.boolean(), opcode: fc.constantFrom(0, 1, 2, 8, 9, 10) }), {
    maxLength: 8,
  });
  const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 80_000 })), {
    minLength: 1,
  });
  fc.assert(
    fc.property(frames, cuts, (drawn, sizes) => {
      const encoded = drawn.map(encode);
      const ends = new Set([0]);
      let length = 0;
      for (const frame of encoded) {
        length += frame.length;
        ends.add(length);
      }
      const bytes = Buffer.concat(encoded);
      const walker = new FrameWalker();
      let seen = 0;
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const next = Math.min(bytes.length, at + (sizes[turn % sizes.length] ?? 1));
        seen += walker.pass(bytes.subarray(at, next));
        at = next;
        if (walker.isBetweenFrames !== ends.has(at)) return false;
      }
      return seen === drawn.length && walker.isBetweenFrames;
    }),
  );
  t.end();
});
