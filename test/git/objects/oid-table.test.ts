import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { RandomAccessFile } from "../../../src/git/io/random-access-file.js";
import { OidTable } from "../../../src/git/objects/oid-table.js";
import fc from "../../support/fast-check.js";
import { tempDir } from "../../support/temp.js";

const SEED = Number(process.env.TREEWIRE_TEST_SEED ?? 20_260_102);
const OID_BYTES = 20;

/** Ids as hexadecimal: evenly spread, or crowded below few first bytes, which makes the first guess wrong. */
const oid = fc.oneof(
  fc.uint8Array({ minLength: OID_BYTES, maxLength: OID_BYTES }),
  fc
    .tuple(fc.constantFrom(0, 7, 255), fc.constantFrom(0, 255), fc.uint8Array({ minLength: 18, maxLength: 18 }))
    .map(([first, second, rest]) => Uint8Array.of(first, second, ...rest)),
);
const oids = fc.array(oid, { maxLength: 600 }).map((list) => {
  const texts = new Set(list.map((bytes) => Buffer.from(bytes).toString("hex")));
  return [...texts].sort();
});

function tableBytes(sorted: readonly string[], stride: number, before: number): Buffer {
  const bytes = Buffer.alloc(before + 1024 + sorted.length * stride);
  for (let first = 0; first < 256; first += 1) {
    const count = sorted.filter((text) => Number.parseInt(text.slice(0, 2), 16) <= first).length;
    bytes.writeUInt32BE(count, before + first * 4);
  }
  for (const [at, text] of sorted.entries()) bytes.write(text, before + 1024 + at * stride, "hex");
  return bytes;
}

t.test("an id is found at its position, and one that is absent nowhere", async (t) => {
  const path = join(tempDir(t), "table");
  const property = fc.property(oids, oid, fc.constantFrom(0, 4), (sorted, other, gap) => {
    const stride = OID_BYTES + gap;
    writeFileSync(path, tableBytes(sorted, stride, 8));
    const file = new RandomAccessFile(path);
    const table = new OidTable(file, { fanout: 8, oids: 8 + 1024, stride, oidBytes: OID_BYTES });
    if (table.count !== sorted.length) throw new Error(`${table.count} ids`);
    const asked = [...sorted, Buffer.from(other).toString("hex")];
    const wrong = asked.find((text) => table.find(Buffer.from(text, "hex")) !== sorted.indexOf(text));
    file.close();
    if (wrong !== undefined) throw new Error(wrong);
  });
  fc.assert(property, { numRuns: 60, seed: SEED });
  t.pass(`seed ${SEED}`);
});

t.test("counts that descend, or that need more bytes than there are, are damage", async (t) => {
  const path = join(tempDir(t), "table");
  const descending = tableBytes([], OID_BYTES, 0);
  descending.writeUInt32BE(5, 40);
  const short = tableBytes(["ab".repeat(OID_BYTES)], OID_BYTES, 0).subarray(0, -1);
  for (const bytes of [descending, short, Buffer.alloc(1000)]) {
    writeFileSync(path, bytes);
    const layout = { fanout: 0, oids: 1024, stride: OID_BYTES, oidBytes: OID_BYTES };
    const file = new RandomAccessFile(path);
    t.throws(() => new OidTable(file, layout), { code: "TW_CORRUPT_REPOSITORY", message: path });
    file.close();
  }
});
