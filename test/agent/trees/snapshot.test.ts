import t from "tap";
import { changesBetween, sameMeta, snapshotOf, treeMessages } from "../../../src/agent/trees/snapshot.js";
import {
  agentMessageSchema,
  type FileChanges,
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

/** The changes that put these files in and take these keys out. */
function changesOf(upserts: readonly TreeFile[], removes: readonly string[]): FileChanges {
  const changes: [string, TreeFile | undefined][] = upserts.map((file) => [file.key, file]);
  return new Map([...changes, ...removes.map((key): [string, undefined] => [key, undefined])]);
}

t.test("parts hold the whole update in order, and all but the last say that more follows", async (t) => {
  const third = "x".repeat(TREE_MESSAGE_PART_BYTES / 3);
  const files = Array.from({ length: 10 }, (_, at) => fileOf(`t:${at}`, third));
  const removes = ["t:gone", "u:gone"];
  const parts = [...treeMessages(head, changesOf(files, removes))];
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
  const parts = [...treeMessages(head, changesOf([], removes))];
  t.ok(parts.length > 1);
  t.same(
    parts.flatMap((part) => part.removes),
    removes,
  );
});

t.test("a file over the size of a part travels alone, and nothing travels as one empty part", async (t) => {
  const big = fileOf("t:big", "x".repeat(2 * TREE_MESSAGE_PART_BYTES));
  const parts = [...treeMessages(head, changesOf([fileOf("t:a"), big, fileOf("t:z")], []))];
  t.same(
    parts.map(({ upserts }) => upserts.map(({ key }) => key)),
    [["t:a"], ["t:big"], ["t:z"]],
  );
  t.equal([...treeMessages(head, changesOf([], []))].length, 1);
});

t.test("when a tree was read is no difference; its branch, its health and what was left out are", async (t) => {
  const state = stateOf("/r", [fileOf("t:a")], 1);
  const { meta } = snapshotOf(state);
  t.ok(sameMeta(meta, snapshotOf({ ...state, scannedAt: 2 }).meta));
  for (const other of [{ head: "0" }, { branch: "other" }, { remoteOrigin: "x" }, { health: "polled" }]) {
    t.notOk(sameMeta(meta, snapshotOf({ ...state, ...other }).meta), JSON.stringify(other));
  }
  t.notOk(sameMeta(meta, { ...meta, too_large_bytes: 1 }));
});

t.test("the changes of a state are those of its snapshot, unless something had to be left out", async (t) => {
  const small = snapshotOf(stateOf("/r", [fileOf("t:a")]));
  const more = snapshotOf(stateOf("/r", [fileOf("t:a"), fileOf("t:b")]));
  const given = changesOf([fileOf("t:b")], []);
  t.equal(changesBetween(small, more, given), given);
  t.strictSame(changesBetween(small, more), given, "they are found when they are not known");
  t.equal(changesBetween(small, { ...small }, given).size, 0, "the same list has no changes");

  const half = "x".repeat(MAX_UNIFIED_DIFF_BYTES / 2);
  const full = [fileOf("t:a", half), fileOf("t:b", half)];
  const fitted = snapshotOf(stateOf("/r", full));
  t.same(
    [...changesBetween(more, fitted, changesOf(full, []))],
    fitted.files.map((file) => [file.key, file]),
    "what is left out is left out of the changes",
  );
  const back = changesBetween(fitted, more, changesOf([fileOf("t:b")], []));
  t.same([...back.keys()], ["t:a", "t:b"], "and is among them when it fits again");
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

t.test("neither a remote's URL nor a text about the tree's health carries credentials", async (t) => {
  const { meta } = snapshotOf({
    ...stateOf("/r", []),
    remoteOrigin: "https://bob:ghp_secret@example.com/me/app.git",
    health: "polled: https://bob:ghp_secret@example.com/ is away",
  });
  t.equal(meta.remote_origin, "https://example.com/me/app.git");
  t.equal(meta.health, "polled: https://example.com/ is away");
});
