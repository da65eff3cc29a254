import t from "tap";
import { changesBetween, sameMeta, snapshotOf } from "../../../src/agent/trees/snapshot.js";
import {
  type FileChanges,
  MAX_META_TEXT_UNITS,
  MAX_UNIFIED_DIFF_BYTES,
  type TreeFile,
  treeMetaSchema,
} from "../../../src/protocol/index.js";
import { fileOf, stateOf } from "../../support/states.js";

/** The changes that put these files in and take these keys out. */
function changesOf(upserts: readonly TreeFile[], removes: readonly string[]): FileChanges {
  const changes: [string, TreeFile | undefined][] = upserts.map((file) => [file.key, file]);
  return new Map([...changes, ...removes.map((key): [string, undefined] => [key, undefined])]);
}

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
