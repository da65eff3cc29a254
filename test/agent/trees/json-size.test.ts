import t from "tap";
import { fittingPrefix, jsonBytes } from "../../../src/agent/trees/json-size.js";
import fc from "../../support/fast-check.js";

/** Texts of every kind of character that JSON or UTF-8 treats in a way of its own, lone halves of pairs among them. */
const units = fc.constantFrom("a", '"', "\\", "\n", "\0", "\x1f", "\x7f", "é", "漢", "🦀", "\ud800", "\udc00");
const text = fc.array(units, { maxLength: 40 }).map((list) => list.join(""));

t.test("slices of a text have the bytes that their JSON has, fit, and are the text when they are joined", async (t) => {
  const property = fc.property(text, fc.integer({ min: 6, max: 40 }), (whole, room) => {
    const slices: string[] = [];
    for (let from = 0; from < whole.length; ) {
      const { end, bytes } = fittingPrefix(whole, from, room);
      const slice = whole.slice(from, end);
      if (end === from || bytes > room || jsonBytes(slice) !== bytes + 2) return false;
      slices.push(slice);
      from = end;
    }
    // as they are when each has been a frame of its own
    const sent = slices.map((slice) => JSON.parse(Buffer.from(JSON.stringify(slice)).toString()));
    return sent.join("") === whole;
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2_000 }));
});

t.test("a surrogate pair that does not fit goes with the next slice, and nothing fits into no room", async (t) => {
  t.same(fittingPrefix("a🦀b", 0, 4), { end: 1, bytes: 1 });
  t.same(fittingPrefix("a🦀b", 1, 4), { end: 3, bytes: 4 });
  t.same(fittingPrefix("a", 0, 0), { end: 0, bytes: 0 });
});
