import t from "tap";
import { JsonParts } from "../../../../src/relay/hub/encoding/json-parts.js";
import fc from "../../../support/fast-check.js";

t.test("parts are what was added, in order and counted in bytes, and those that follow each other are one", (t) => {
  const buffer = Buffer.from("0123456789é漢🦀");
  const step = fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "é", "漢", "🦀"), maxLength: 5 }),
    fc.tuple(fc.nat(buffer.length), fc.nat(buffer.length)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const),
  );
  const property = fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
    const parts = new JsonParts("é[");
    const added = [Buffer.from("é[")];
    for (const each of steps) {
      if (typeof each === "string") parts.add(each);
      else parts.addPart(buffer, ...each);
      added.push(typeof each === "string" ? Buffer.from(each) : buffer.subarray(...each));
      if (parts.bytes !== Buffer.concat(added).length) return false;
    }
    const closed = parts.closed("]").map((part) => (typeof part === "string" ? Buffer.from(part) : part));
    return Buffer.concat(closed).equals(Buffer.concat([...added, Buffer.from("]")]));
  });
  t.doesNotThrow(() => fc.assert(property));
  const parts = new JsonParts("[");
  parts.add("a");
  for (const at of [0, 1, 2]) parts.addPart(buffer, at, at + 1);
  parts.addPart(buffer, 5, 6);
  parts.add("b");
  t.same(parts.closed("]").map(String), ["[a", "012", "5", "b]"]);
  t.end();
});
