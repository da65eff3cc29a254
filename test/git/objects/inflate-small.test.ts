import { constants, deflateSync } from "node:zlib";
import t from "tap";
import { inflateSmall as inflateInto } from "../../../src/git/objects/inflate-small.js";
import fc from "../../support/fast-check.js";

function inflateSmall(input: Uint8Array, start: number, size: number): Buffer | undefined {
  const output = Buffer.alloc(size);
  return inflateInto(input, start, output, "whole") ? output : undefined;
}

/** Text with repetitions, or bytes of any kind. */
const content = fc.oneof(
  fc.uint8Array({ maxLength: 1024 }).map((bytes) => Buffer.from(bytes)),
  fc
    .array(fc.constantFrom("tree ", "parent ", "0a1b2c", "\n", "a", "b", "é"), { maxLength: 300 })
    .map((words) => Buffer.from(words.join(""))),
);
const options = fc.record({
  level: fc.integer({ min: 1, max: 9 }),
  memLevel: fc.integer({ min: 1, max: 9 }),
  strategy: fc.constantFrom(constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED, constants.Z_HUFFMAN_ONLY, constants.Z_RLE),
});

t.test("what zlib deflated comes out again, or is left to zlib", async (t) => {
  let inflated = 0;
  const property = fc.property(content, options, fc.nat(3), (bytes, deflating, before) => {
    const input = Buffer.concat([Buffer.alloc(before), deflateSync(bytes, deflating), Buffer.from("more")]);
    const output = inflateSmall(input, before, bytes.length);
    if (output !== undefined && !output.equals(bytes)) throw new Error("other bytes");
    if (output !== undefined) inflated += 1;
  });
  fc.assert(property, { numRuns: 400 });
  t.ok(inflated > 200, `${inflated} were inflated`);
});

t.test("nothing comes out of what is damaged or cut off", async (t) => {
  const property = fc.property(content, options, fc.nat(), fc.nat(7), (bytes, deflating, place, bit) => {
    const input = deflateSync(bytes, deflating);
    const at = place % input.length;
    if (inflateSmall(input.subarray(0, at), 0, bytes.length) !== undefined) throw new Error("cut off");
    input[at] = (input[at] ?? 0) ^ (1 << bit);
    const output = inflateSmall(input, 0, bytes.length);
    if (output !== undefined && !output.equals(bytes)) throw new Error("damaged");
  });
  fc.assert(property, { numRuns: 400 });
  const whole = deflateSync(Buffer.from("some text, some text"));
  t.equal(inflateSmall(whole, 0, 19), undefined, "longer than it says");
  t.equal(inflateSmall(whole, 0, 21), undefined, "shorter than it says");
});

t.test("the start comes out without the rest", async (t) => {
  const property = fc.property(content, options, fc.nat(), (bytes, deflating, place) => {
    const output = Buffer.alloc(place % (bytes.length + 1));
    const isOut = inflateInto(deflateSync(bytes, deflating), 0, output, "start");
    if (isOut && !output.equals(bytes.subarray(0, output.length))) throw new Error("other bytes");
  });
  fc.assert(property, { numRuns: 200 });
  const [text, output] = [Buffer.from("some text, some text, and more"), Buffer.alloc(20)];
  t.ok(inflateInto(deflateSync(text), 0, output, "start"));
  t.same(output, text.subarray(0, 20));
});
