import t from "tap";
import { readEwah } from "../../../src/git/index-file/ewah.js";
import fc from "../../support/fast-check.js";

const SEED = Number(process.env.TREEWIRE_TEST_SEED ?? 20_260_102);
const LIMIT = 1000;

/** A run of equal words, and words that stand as they are behind it: the most significant bit first, as on disk. */
const group = fc.record({
  bit: fc.boolean(),
  repeated: fc.integer({ min: 0, max: 3 }),
  literals: fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { maxLength: 3 }),
});
type Group = typeof group extends fc.Arbitrary<infer T> ? T : never;

function encoded(groups: readonly Group[]): Buffer {
  const words = groups.flatMap(({ bit, repeated, literals }) => [
    (BigInt(literals.length) << 33n) | (BigInt(repeated) << 1n) | (bit ? 1n : 0n),
    ...literals,
  ]);
  const bytes = Buffer.alloc(12 + words.length * 8);
  bytes.writeUInt32BE(words.length, 4);
  for (const [at, word] of words.entries()) bytes.writeBigUInt64BE(word, 8 + at * 8);
  return bytes;
}

function bitsOf(groups: readonly Group[]): number[] {
  const words = groups.flatMap(({ bit, repeated, literals }) => [
    ...Array<bigint>(repeated).fill(bit ? 2n ** 64n - 1n : 0n),
    ...literals,
  ]);
  return words.flatMap((word, at) =>
    Array.from({ length: 64 }, (_, bit) => at * 64 + bit).filter((_, bit) => ((word >> BigInt(bit)) & 1n) === 1n),
  );
}

t.test("a bitmap has the bits that were put into it, up to the limit", async (t) => {
  const property = fc.property(fc.array(group, { maxLength: 6 }), fc.nat(30), (groups, before) => {
    const bitmap = encoded(groups);
    const cursor = { bytes: Buffer.concat([Buffer.alloc(before), bitmap, Buffer.alloc(3)]), at: before };
    const found = readEwah(cursor, LIMIT);
    const expected = bitsOf(groups).filter((bit) => bit < LIMIT);
    if (JSON.stringify(found) !== JSON.stringify(expected)) throw new Error(found.join(" "));
    if (cursor.at !== before + bitmap.length) throw new Error(`read to ${cursor.at}`);
  });
  fc.assert(property, { numRuns: 200, seed: SEED });
  t.pass(`seed ${SEED}`);
});

t.test("a bitmap that is cut short, or claims more words than there are, is refused", async (t) => {
  const bitmap = encoded([{ bit: true, repeated: 2, literals: [1n, 2n] }]);
  for (let end = 0; end < bitmap.length; end += 1) {
    t.throws(() => readEwah({ bytes: bitmap.subarray(0, end), at: 0 }, LIMIT), RangeError, `${end} bytes`);
  }
  bitmap.writeUInt32BE(1000 * 2, 8);
  t.throws(() => readEwah({ bytes: bitmap, at: 0 }, LIMIT), { message: "bitmap ends early" });
});

t.test("a run of 4,294,967,295 words takes no more than the limit", async (t) => {
  const bytes = encoded([{ bit: true, repeated: 2 ** 32 - 1, literals: [] }]);
  t.equal(readEwah({ bytes, at: 0 }, LIMIT).length, LIMIT);
});
