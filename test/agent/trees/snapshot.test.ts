import fc from "fast-check";
import t from "tap";
import { deltaBetween, sameSnapshot, snapshotOf, treeMessages } from "../../../src/agent/trees/snapshot.js";
import {
  agentMessageSchema,
  MAX_META_TEXT_UNITS,
  MAX_UNIFIED_DIFF_BYTES,
  TREE_MESSAGE_PART_BYTES,
  type TreeFile,
  treeMetaSchema,
} from "../../../src/protocol/index.js";
import { fileOf, stateOf } from "../../support/states.js";

const head = {
  root: "/r",
  epoch: "00000000-0000",
  seq: 2,
  base: 1,
  meta: snapshotOf(stateOf("/r", [])).meta,
};

/** What the other end makes of a delta. */
function apply(before: readonly TreeFile[], upserts: readonly TreeFile[], removes: readonly string[]): TreeFile[] {
  const files = new Map(before.map((file) => [file.key, file]));
  for (const key of removes) files.delete(key);
  for (const file of upserts) files.set(file.key, file);
  return [...files.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

const someFiles = fc
  .uniqueArray(fc.tuple(fc.constantFrom("t:", "u:"), fc.string({ minLength: 1, maxLength: 3 }), fc.nat(2)), {
    selector: ([kind, path]) => kind + path,
    maxLength: 20,
  })
  .map((list) =>
    apply(
      [],
      list.map(([kind, path, text]) => fileOf(kind + path, `@@ ${text}\n`)),
      [],
    ),
  );

t.test("a delta turns the one list into the other and holds no file that stayed", async (t) => {
  const property = fc.property(someFiles, someFiles, (before, after) => {
    const { upserts, removes } = deltaBetween(before, after);
    const same = new Set(before.map((file) => JSON.stringify(file)));
    return (
      JSON.stringify(apply(before, upserts, removes)) === JSON.stringify(after) &&
      upserts.every((file) => !same.has(JSON.stringify(file)))
    );
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }));
});

t.test("parts hold the whole update in order, and all but the last say that more follows", async (t) => {
  const third = "x".repeat(TREE_MESSAGE_PART_BYTES / 3);
  const files = Array.from({ length: 10 }, (_, at) => fileOf(`t:${at}`, third));
  const removes = ["t:gone", "u:gone"];
  const parts = [...treeMessages(head, { upserts: files, removes })];
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
    parts.map(({ more }) => more),
    [true, true, true, true, false],
  );
  for (const part of parts) t.ok(agentMessageSchema.safeParse(part).success, "it is a message of the tunnel");
});

t.test("very many removed files are split too", async (t) => {
  const removes = Array.from({ length: 3000 }, (_, at) => `t:${"directory/".repeat(20)}${at}`);
  const parts = [...treeMessages(head, { upserts: [], removes })];
  t.ok(parts.length > 1);
  t.same(
    parts.flatMap((part) => part.removes),
    removes,
  );
});

t.test("a file over the size of a part travels alone, and nothing travels as one empty part", async (t) => {
  const big = fileOf("t:big", "x".repeat(2 * TREE_MESSAGE_PART_BYTES));
  const parts = [...treeMessages(head, { upserts: [fileOf("t:a"), big, fileOf("t:z")], removes: [] })];
  t.same(
    parts.map(({ upserts }) => upserts.map(({ key }) => key)),
    [["t:a"], ["t:big"], ["t:z"]],
  );
  t.equal([...treeMessages(head, { upserts: [], removes: [] })].length, 1);
});

t.test("what differs is told, when it was seen is not a difference", async (t) => {
  const files = [fileOf("t:a")];
  const one = snapshotOf(stateOf("/r", files, 1));
  t.ok(sameSnapshot(one, snapshotOf(stateOf("/r", [fileOf("t:a")], 2))));
  t.notOk(sameSnapshot(one, snapshotOf(stateOf("/r", [fileOf("t:a", "@@ other\n")], 1))));
  t.notOk(sameSnapshot(one, snapshotOf({ ...stateOf("/r", files, 1), branch: "other" })));
  t.notOk(sameSnapshot(one, snapshotOf({ ...stateOf("/r", files, 1), health: "polled" })));
});

t.test("a state over the limit of 3 MiB is fitted before it is sent", async (t) => {
  const big = fileOf("t:big", "x".repeat(MAX_UNIFIED_DIFF_BYTES));
  const small = fileOf("t:small");
  const { files, meta } = snapshotOf(stateOf("/r", [big, small]));
  t.equal(meta.too_large_bytes, 0);
  t.same(files[0], { ...big, hunks: "", omitted_bytes: MAX_UNIFIED_DIFF_BYTES });
  t.equal(files[1], small);
});

t.test("words of a repository's own are cut to what the relay takes, which takes no more", async (t) => {
  const long = "x".repeat(MAX_META_TEXT_UNITS + 1);
  const { meta } = snapshotOf({ ...stateOf("/r", []), branch: long, remoteOrigin: long, health: long });
  t.ok(treeMetaSchema.safeParse(meta).success);
  t.equal(meta.branch.length, MAX_META_TEXT_UNITS);
  for (const name of ["head", "branch", "remote_origin", "health"]) {
    t.notOk(treeMetaSchema.safeParse({ ...meta, [name]: long }).success, name);
  }
});
