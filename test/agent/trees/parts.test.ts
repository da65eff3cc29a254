import t from "tap";
import { treeMessages } from "../../../src/agent/trees/parts.js";
import { snapshotOf } from "../../../src/agent/trees/snapshot.js";
import {
  agentMessageSchema,
  type FileChanges,
  MAX_META_TEXT_UNITS,
  TREE_MESSAGE_PART_BYTES,
  type TreeFile,
  type TreeMessage,
} from "../../../src/protocol/index.js";
import { PendingUpdate } from "../../../src/relay/hub/trees/pending-update.js";
import fc from "../../support/fast-check.js";
import { fileOf, stateOf } from "../../support/states.js";

const head = {
  root: "/r",
  epoch: "00000000-0000",
  seq: 2,
  base: 1,
  meta: snapshotOf(stateOf("/r", [])).meta,
};

/** The changes that put these files in and take these keys out. */
function changesOf(upserts: readonly TreeFile[], removes: readonly string[]): FileChanges {
  const changes: [string, TreeFile | undefined][] = upserts.map((file) => [file.key, file]);
  return new Map([...changes, ...removes.map((key): [string, undefined] => [key, undefined])]);
}

const frameBytes = (part: TreeMessage) => Buffer.byteLength(JSON.stringify(part));

/** What a relay makes of the parts, each of which has been a frame. */
function joined(parts: readonly TreeMessage[]): TreeMessage | undefined {
  let update: TreeMessage | undefined;
  let pending: PendingUpdate | undefined;
  for (const part of parts) {
    const message = agentMessageSchema.parse(JSON.parse(Buffer.from(JSON.stringify(part)).toString())) as TreeMessage;
    pending ??= new PendingUpdate(message);
    update = pending.add(message);
  }
  return update;
}

t.test("parts hold the whole update in order, are numbered, and all but the last say that more follows", async (t) => {
  const third = "x".repeat(TREE_MESSAGE_PART_BYTES / 3);
  const files = Array.from({ length: 10 }, (_, at) => fileOf(`t:${at}`, third));
  const removes = ["t:gone", "u:gone"];
  const parts = [...treeMessages(head, changesOf(files, removes), true)];
  t.equal(parts.length, 5, "two files fit one part");
  t.same(
    parts.flatMap(({ upserts }) => upserts),
    files,
  );
  t.same(
    parts.flatMap((part) => part.removes),
    removes,
  );
  t.same(
    parts.map(({ part, more }) => [part, more]),
    [
      [0, true],
      [1, true],
      [2, true],
      [3, true],
      [4, false],
    ],
  );
  for (const part of parts) t.ok(agentMessageSchema.safeParse(part).success, "it is a message of the tunnel");
  t.same(parts.at(-1)?.meta, head.meta);
});

t.test("very many removed files are split too", async (t) => {
  const removes = Array.from({ length: 3000 }, (_, at) => `t:${"directory/".repeat(20)}${at}`);
  const parts = [...treeMessages(head, changesOf([], removes), true)];
  t.ok(parts.length > 1);
  t.same(
    parts.flatMap((part) => part.removes),
    removes,
  );
});

t.test("no part is a frame over 64 KiB, whatever the files are, and a relay gets the same files", async (t) => {
  const characters = fc.constantFrom("a", "\0", '"', "é", "漢", "🦀", "\ud800");
  const long = fc.tuple(characters, characters, fc.integer({ min: 0, max: 120_000 }));
  const file = fc.record({ key: fc.integer({ min: 0, max: 9_999 }), header: long, hunks: long });
  const textOf = ([a, b, length]: [string, string, number]) => a.repeat(length % 997) + b.repeat(length);
  const property = fc.property(
    fc.uniqueArray(file, { selector: ({ key }) => key, maxLength: 4 }),
    fc.integer({ min: 0, max: 2_000 }),
    fc.integer({ min: 0, max: 3_000 }),
    (sketches, removed, health) => {
      const files = sketches.map(({ key, header, hunks }) => ({
        ...fileOf(`u:${key}`, textOf(hunks)),
        header: textOf(header),
      }));
      const removes = Array.from({ length: removed }, (_, at) => `t:${at}`);
      const whole = { ...head, meta: { ...head.meta, health: "\0".repeat(health) } };
      const parts = [...treeMessages(whole, changesOf(files, removes), true)];
      const got = joined(parts);
      const isSame =
        JSON.stringify([got?.upserts, got?.removes, got?.meta]) === JSON.stringify([files, removes, whole.meta]);
      return isSame && parts.every((part) => frameBytes(part) <= TREE_MESSAGE_PART_BYTES);
    },
  );
  t.doesNotThrow(() => fc.assert(property, { numRuns: 60 }));
});

t.test("only what stands in one text may be longer: it goes with the last part, once", async (t) => {
  const health = "\0".repeat(MAX_META_TEXT_UNITS);
  const whole = { ...head, meta: { ...head.meta, health } };
  const parts = [...treeMessages(whole, changesOf([fileOf("t:a", "x".repeat(200_000))], []), true)];
  const sizes = parts.map(frameBytes);
  t.ok(sizes.slice(0, -1).every((size) => size <= TREE_MESSAGE_PART_BYTES));
  t.same(parts.at(-1), { type: "tree", ...whole, part: parts.length - 1, upserts: [], removes: [], more: false });
});

t.test("for a relay that takes no cut files, a file over the size of a part travels alone and whole", async (t) => {
  const big = fileOf("t:big", "x".repeat(2 * TREE_MESSAGE_PART_BYTES));
  const parts = [...treeMessages(head, changesOf([fileOf("t:a"), big, fileOf("t:z")], []), false)];
  t.same(
    parts.map(({ upserts }) => upserts),
    [[fileOf("t:a")], [big], [fileOf("t:z")]],
  );
  t.notOk(parts.some((part) => "rest" in part));
});

t.test("nothing travels as one empty part", async (t) => {
  t.equal([...treeMessages(head, changesOf([], []), true)].length, 1);
});
