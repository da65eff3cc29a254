import t from "tap";
import { readAgentFrame } from "../../src/protocol/index.js";
import fc from "../support/fast-check.js";
import { META } from "./tree-meta.js";

const texts = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.string({
    unit: fc.constantFrom('"', "\\", ",", ":", "{", "}", "\n", "\u0001", "é", "漢", "🦀", "\ud800"),
    maxLength: 20,
  }),
  fc.constantFrom('","hunks":"', '"header":"x"', '\\","hunks":"', "header", "hunks"),
);
const files = fc
  .array(fc.record({ header: texts, hunks: texts, masked: fc.option(fc.constant(1), { nil: undefined }) }), {
    maxLength: 4,
  })
  .map((list) => {
    return list.map((file, at) => {
      return { key: `t:${at}`, path: `${at}`, additions: 0, deletions: 0, omitted_bytes: 0, ...file };
    });
  });

/** Other ways to write the same message, or one of the same fields; each is valid JSON. */
const WAYS: Readonly<Record<string, (json: string) => string>> = {
  plain: (json) => json,
  "the same field twice, the false one first": (json) => json.replaceAll('"hunks":"', '"hunks":"false","hunks":"'),
  "the same field twice, the false one last": (json) => json.replaceAll('"additions":', '"hunks":"false","additions":'),
  "one of the two by an escape": (json) => json.replaceAll('"additions":', '"hunk\\u0073":"false","additions":'),
  "a header twice, in one of the files": (json) => json.replace('"header":"', '"header":"false","header":"'),
  "names by escapes": (json) => json.replaceAll('"hunks":', '"hunk\\u0073":'),
  "one of two files with both names": (json) => json.replace('"hunks":"', '"hunks":"false","hunk\\u0073":"'),
  spaces: (json) => json.replaceAll('"hunks":"', '"hunks" : "'),
  "slashes by escapes": (json) => json.replaceAll('"hunks":"', '"hunks":"\\/'),
  "letters by escapes": (json) => json.replaceAll('"hunks":"', '"hunks":"\\u0041'),
  "a number that is shorter": (json) => json.replaceAll('"additions":0', '"hunks":"false","additions":1e15'),
};

t.test("a file's texts are passed on as the JSON that they came as, or not at all", (t) => {
  const passedOn = new Map<string, number>();
  const property = fc.property(files, fc.constantFrom(...Object.keys(WAYS)), (upserts, way) => {
    const head = { type: "tree", root: "/a", epoch: "epoch-01", seq: 1, base: null, meta: META };
    const json = JSON.stringify({ ...head, upserts, removes: ["t:x", "hunks"], more: false });
    const frame = Buffer.from((WAYS[way] ?? String)(json));
    const arrived = readAgentFrame(frame);
    if (arrived?.message.type !== "tree") return false;
    const { message, texts } = arrived;
    return message.upserts.every((file) => {
      const found = texts?.of(file);
      if (texts?.of({ ...file }) !== undefined) return false; // it only looks like one of them
      if (found === undefined) return true;
      passedOn.set(way, (passedOn.get(way) ?? 0) + 1);
      const { header, hunks } = found;
      return JSON.stringify(file.header) === `"${header}"` && JSON.stringify(file.hunks) === `"${hunks}"`;
    });
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2_000 }));
  t.ok((passedOn.get("plain") ?? 0) > 50);
  t.same([...passedOn.keys()], ["plain"]);
  t.end();
});
