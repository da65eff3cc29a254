import t from "tap";
import { BaseCache } from "../../../src/git/objects/base-cache.js";
import type { ObjectType } from "../../../src/git/objects/git-object.js";
import fc from "../../support/fast-check.js";

const SEED = Number(process.env.TREEWIRE_TEST_SEED ?? 20_260_102);
const MEBIBYTE = 2 ** 20;

interface Step {
  pack: number;
  offset: number;
  type: ObjectType;
  size: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  pack: fc.integer({ min: 1, max: 3 }),
  offset: fc.oneof(fc.integer({ min: 12, max: 40 }), fc.integer({ min: 2 ** 32, max: 2 ** 40 })),
  type: fc.constantFrom<ObjectType[]>("commit", "tree", "blob", "tag"),
  size: fc.constantFrom(0, 1, 1000, MEBIBYTE / 2, MEBIBYTE, MEBIBYTE + 1),
});

t.test("the cache gives back what it was given, or nothing", async (t) => {
  let kept = 0;
  const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const cache = new BaseCache();
    const given = new Map<string, { type: ObjectType; content: Buffer }>();
    for (const [at, { pack, offset, type, size }] of steps.entries()) {
      const content = Buffer.alloc(size, at + 1);
      cache.set(pack, offset, type, content);
      // A content that is too large is not kept, and leaves what was there.
      if (size <= MEBIBYTE) given.set(`${pack} ${offset}`, { type, content });
      if (size <= MEBIBYTE && cache.get(pack, offset) === undefined) throw new Error(`step ${at} is not kept`);
    }
    for (const [key, { type, content }] of given) {
      const [pack = 0, offset = 0] = key.split(" ").map(Number);
      const got = cache.get(pack, offset);
      if (got === undefined) continue;
      kept += 1;
      if (got.type !== type || !got.content.equals(content)) throw new Error(`${key} is another object`);
    }
  });
  fc.assert(property, { numRuns: 40, seed: SEED });
  t.ok(kept > 100, `${kept} objects were still there, seed ${SEED}`);
});

t.test("the cache holds 8 MiB, and nothing after it was cleared", async (t) => {
  const cache = new BaseCache();
  for (let offset = 0; offset < 20; offset += 1) cache.set(1, offset, "blob", Buffer.alloc(MEBIBYTE, offset));
  const there = Array.from({ length: 20 }, (_, offset) => offset).filter((offset) => cache.get(1, offset));
  t.same(there, [12, 13, 14, 15, 16, 17, 18, 19], "the last eight");
  t.equal(cache.get(2, 19), undefined, "another pack's object at the same offset");
  cache.clear();
  t.equal(cache.get(1, 19), undefined);
});
