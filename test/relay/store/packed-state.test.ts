import assert from "node:assert/strict";
import { deflateSync, inflateSync } from "node:zlib";
import t from "tap";
import type { TreeFile } from "../../../src/protocol/index.js";
import { packState, unpackState } from "../../../src/relay/store/packed-state.js";
import fc from "../../support/fast-check.js";
import { fileOf, metaOf } from "../support/fake-agent.js";

const META = metaOf();
const text = fc.string({ unit: "binary", maxLength: 30 });

/** Files that fill lines by themselves, and runs of many, of which a line has hundreds. */
const filesArbitrary = fc
  .array(
    fc.record({
      ...{ path: text, header: text, hunks: text },
      size: fc.oneof(
        { weight: 5, arbitrary: fc.constant({ units: 0, times: 1 }) },
        { weight: 1, arbitrary: fc.record({ units: fc.nat(600_000), times: fc.constant(1) }) },
        { weight: 1, arbitrary: fc.record({ units: fc.nat(100), times: fc.nat(3000) }) },
      ),
    }),
    { maxLength: 8 },
  )
  .map((runs) =>
    runs.flatMap(({ path, header, hunks, size: { units, times } }) => {
      const file = { ...fileOf(path, hunks + "\n".repeat(units)), header };
      return Array.from({ length: times }, (_, at): TreeFile => ({ ...file, key: `b/${at}`, additions: at }));
    }),
  );

t.test("what is unpacked is what was packed, however many lines that took", async (t) => {
  const lines = new Set<boolean>();
  await fc.assert(
    fc.asyncProperty(filesArbitrary, async (files) => {
      const packed = await packState({ meta: META, files });
      lines.add(inflateSync(packed).includes("\n"));
      assert.deepStrictEqual(unpackState(packed), { meta: META, files });
    }),
    { numRuns: 100 },
  );
  t.equal(lines.size, 2, "both one and several were drawn");
});

t.test("a state of one line, as it was written before there were more, is read", async () => {
  const [files = []] = fc.sample(
    filesArbitrary.filter(({ length }) => length > 1000),
    1,
  );
  assert.deepStrictEqual(unpackState(deflateSync(JSON.stringify({ meta: META, files }))), { meta: META, files });
});

t.test("of a state that is damaged, nothing is taken", async (t) => {
  const files = Array.from({ length: 5000 }, (_, at) => fileOf(`${at}`, ""));
  const packed = await packState({ meta: META, files });
  const lines = inflateSync(packed).toString().split("\n");
  t.ok(lines.length > 2);
  const damaged = [
    packed.subarray(0, -1),
    deflateSync(lines.slice(1).join("\n")),
    deflateSync([...lines, '[{"key":1}]'].join("\n")),
    deflateSync([...lines, ""].join("\n")),
    Buffer.from("nonsense"),
  ];
  for (const [at, bytes] of damaged.entries()) t.equal(unpackState(bytes), undefined, `${at}`);
});

t.test("a large state is packed in many turns of the event loop, a part in each", async (t) => {
  let turn = 0;
  const readIn = new Set<number>();
  const files = Array.from({ length: 50_000 }, (_, at) => ({
    ...fileOf(`${at}`, ""),
    get hunks() {
      readIn.add(turn);
      return "+x\n".repeat(40);
    },
  }));
  const next = () => {
    turn += 1;
    immediate = setImmediate(next);
  };
  let immediate = setImmediate(next);
  await packState({ meta: META, files });
  clearImmediate(immediate);
  t.ok(readIn.size > 20, `${readIn.size} turns`);
});
