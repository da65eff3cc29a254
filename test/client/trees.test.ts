import t from "tap";
import { TreeAssembler } from "../../src/client/trees.js";
import type { DeltaServerMessage } from "../../src/protocol/index.js";
import { fileOf, metaOf } from "../relay/support/fake-agent.js";

const APP = "/home/me/app";

function treeOf(more: Partial<Extract<DeltaServerMessage, { type: "tree" }>> = {}): DeltaServerMessage {
  const files = { upserts: [], edits: [], removes: [] };
  return { type: "tree", root: APP, epoch: "epoch-01", seq: 1, base: null, meta: metaOf(), ...files, ...more };
}

t.test("trees are assembled from whole states and changes, and go when they are listed no more", (t) => {
  const assembler = new TreeAssembler();
  t.same(assembler.apply(treeOf({ upserts: [fileOf("a", "1"), fileOf("b", "1")] })), { kind: "changed" });
  const before = assembler.trees.get(APP);
  assembler.apply(treeOf({ seq: 3, base: 1, upserts: [fileOf("a", "2")], removes: ["t:b"] }));
  t.match(assembler.trees.get(APP), { seq: 3, files: [{ key: "t:a", hunks: /\+2/ }] });
  t.equal(before?.files.length, 2, "what was handed out does not change");
  assembler.apply({ type: "trees", roots: ["/other"] });
  t.equal(assembler.trees.size, 0);
  t.end();
});

t.test("a change whose base is not here is a gap, and changes nothing", (t) => {
  const assembler = new TreeAssembler();
  const gap = { kind: "gap", root: APP };
  t.same(assembler.apply(treeOf({ seq: 2, base: 1 })), gap);
  assembler.apply(treeOf());
  t.same(assembler.apply(treeOf({ seq: 3, base: 2 })), gap);
  t.same(assembler.apply(treeOf({ seq: 2, base: 1, epoch: "epoch-02" })), gap);
  const edit = { key: "t:nowhere", header: "", additions: 0, deletions: 0, start: 0, remove: 0, insert: "" };
  t.same(assembler.apply(treeOf({ seq: 2, base: 1, edits: [edit] })), gap);
  t.equal(assembler.trees.get(APP)?.seq, 1);
  t.end();
});

t.test("`checked` and errors are handed on", (t) => {
  const assembler = new TreeAssembler();
  const scannedAt = "2026-03-05T10:11:12.345Z";
  t.same(assembler.apply({ type: "checked", scanned_at: scannedAt }), { kind: "checked", scannedAt, isStale: false });
  t.match(assembler.apply({ type: "checked", scanned_at: scannedAt, stale: true }), { isStale: true });
  t.same(assembler.apply({ type: "error", message: "m" }), { kind: "error", message: "m" });
  t.end();
});
