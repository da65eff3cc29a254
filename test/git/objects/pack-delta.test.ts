import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import t from "tap";
import { hashBlob, SHA1 } from "../../../src/git/objects/object-id.js";
import { applyDelta, deltaResultSize } from "../../../src/git/objects/pack-delta.js";
import fc from "../../support/fast-check.js";
import { createRepo, GIT_ENV } from "../../support/repo.js";

const SEED = Number(process.env.TREEWIRE_TEST_SEED ?? 20_260_102);
const BASE = Buffer.from(Array.from({ length: 70_000 }, (_, at) => (at * at) % 251));

/** A size, seven bits a byte. */
function sizeBytes(size: number): number[] {
  return size < 0x80 ? [size] : [(size % 0x80) | 0x80, ...sizeBytes(Math.floor(size / 0x80))];
}

/** A copy from the base: only the bytes of position and length that are not 0 are written. */
function copy(offset: number, length: number): number[] {
  const parts = [0, 8, 16, 24].map((shift) => (offset >>> shift) & 0xff);
  const lengths = [0, 8, 16].map((shift) => ((length === 0x10000 ? 0 : length) >>> shift) & 0xff);
  const bytes = [...parts, ...lengths];
  const mask = bytes.reduce((sum, byte, at) => (byte === 0 ? sum : sum | (1 << at)), 0x80);
  return [mask, ...bytes.filter((byte) => byte !== 0)];
}

/** An instruction, and how many bytes it makes. */
const instruction = fc.oneof(
  fc
    .uint8Array({ minLength: 1, maxLength: 127 })
    .map((bytes) => ({ code: [bytes.length, ...bytes], made: bytes.length })),
  fc
    .tuple(fc.integer({ min: 0, max: 4000 }), fc.constantFrom(1, 255, 256, 5000, 0xffff, 0x10000))
    .map(([offset, length]) => ({ code: copy(offset, length), made: length })),
);
const delta = fc.array(instruction, { minLength: 1, maxLength: 12 }).map((instructions) => {
  const made = instructions.reduce((sum, { made }) => sum + made, 0);
  return Buffer.from([...sizeBytes(BASE.length), ...sizeBytes(made), ...instructions.flatMap(({ code }) => code)]);
});

/** A pack of the base and deltas of it, which names the base by its id. */
function packOf(deltas: readonly Buffer[]): Buffer {
  const entry = (type: number, data: Buffer, base: Buffer = Buffer.alloc(0)): Buffer => {
    const rest = Math.floor(data.length / 16);
    const head = (type << 4) | (data.length % 16);
    return Buffer.concat([
      Buffer.from(rest === 0 ? [head] : [head | 0x80, ...sizeBytes(rest)]),
      base,
      deflateSync(data),
    ]);
  };
  const baseId = Buffer.from(hashBlob(BASE, SHA1), "hex");
  const head = Buffer.from("PACK\0\0\0\x02\0\0\0\0", "latin1");
  head.writeUInt32BE(deltas.length + 1, 8);
  const body = Buffer.concat([head, entry(3, BASE), ...deltas.map((data) => entry(7, data, baseId))]);
  return Buffer.concat([body, createHash("sha1").update(body).digest()]);
}

t.test("a delta makes what git makes of it", async (t) => {
  const repo = createRepo(t);
  const deltas = fc.sample(delta, { numRuns: 200, seed: SEED });
  const options = { cwd: repo.root, env: GIT_ENV };
  execFileSync("git", ["index-pack", "--stdin"], { ...options, input: packOf(deltas), stdio: "pipe" });
  const listed = execFileSync("git", ["cat-file", "--batch-all-objects", "--batch-check"], options).toString();
  const made = deltas.map((data) => applyDelta(BASE, data));
  const expected = new Set([BASE, ...made].map((content) => `${hashBlob(content, SHA1)} blob ${content.length}`));
  t.same(listed.trim().split("\n").sort(), [...expected].sort(), `seed ${SEED}`);
  t.same(
    deltas.map((data) => deltaResultSize(data.subarray(0, 20))),
    made.map((content) => content.length),
    "the size is known from the first bytes",
  );
});

t.test("a delta that is cut short, or made for another base, is refused", async (t) => {
  const [data = Buffer.alloc(0)] = fc.sample(delta, { numRuns: 1, seed: SEED });
  for (let end = 0; end < data.length; end += 1) {
    t.throws(() => applyDelta(BASE, data.subarray(0, end)), RangeError, `${end} of ${data.length} bytes, seed ${SEED}`);
  }
  t.throws(() => applyDelta(BASE.subarray(1), data), { message: "delta made for another base" });
  const beyond = Buffer.from([...sizeBytes(10), ...sizeBytes(5), ...copy(8, 5)]);
  t.throws(() => applyDelta(BASE.subarray(0, 10), beyond), { message: "delta copies out of range" });
  const huge = Buffer.from([...sizeBytes(10), ...sizeBytes(2 ** 40), ...copy(0, 5)]);
  t.throws(() => applyDelta(BASE.subarray(0, 10), huge), { message: "delta claims too large a result" });
});
