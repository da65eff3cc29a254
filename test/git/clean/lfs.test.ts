import { createHash } from "node:crypto";
import t from "tap";
import { LfsPointer } from "../../../src/git/clean/lfs.js";
import fc from "../../support/fast-check.js";

const SEED = Number(process.env.TREEWIRE_TEST_SEED ?? 20_260_102);

function pointerOf(pieces: readonly Uint8Array[]): Buffer {
  const pointer = new LfsPointer();
  for (const piece of pieces) pointer.update(piece);
  return pointer.finish();
}

t.test("a pointer has the SHA-256 and the size of the content, however it was cut", async (t) => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 2000 }), { minLength: 1, maxLength: 4 });
  const property = fc.property(pieces, (pieces) => {
    const content = Buffer.concat(pieces);
    const oid = createHash("sha256").update(content).digest("hex");
    // The words of git-lfs's specification.
    const words = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${content.length}\n`;
    return pointerOf(pieces).toString() === (content.length === 0 ? "" : words);
  });
  fc.assert(property, { numRuns: 100, seed: SEED });
  t.pass(`seed ${SEED}`);
});

t.test("content that is a pointer already stays as it is", async (t) => {
  const oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize 12345\n`;
  const extended = pointer.replace("oid", `ext-0-foo sha256:${oid}\noid`);
  const before = pointer.replace("git-lfs.github", "hawser.github");
  for (const text of [pointer, extended, before, pointer.trimEnd()]) {
    t.equal(pointerOf([Buffer.from(text)]).toString(), text);
    t.equal(pointerOf([...text].map((char) => Buffer.from(char))).toString(), text, "in single bytes");
  }
  for (const text of [`${pointer}x`, pointer.replace("size", "Size"), `${pointer}${" ".repeat(1024)}`]) {
    t.not(pointerOf([Buffer.from(text)]).toString(), text, JSON.stringify(text.slice(0, 150)));
  }
});
