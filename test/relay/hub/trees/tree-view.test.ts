import t from "tap";
import { TreeView } from "../../../../src/relay/hub/trees/tree-view.js";
import { fileOf, metaOf } from "../../support/fake-agent.js";

const APP = "/home/me/app";
const meta = metaOf();
const files = [fileOf("a", "1")];

t.test("a state that looks the same to clients has the same view", (t) => {
  const view = TreeView.of(APP, meta, files);
  t.equal(view.next(metaOf({ head: "f".repeat(40) }), files, false), view, "HEAD's commit is not shown");
  t.equal(view.next(meta, [fileOf("a", "1")], true), view, "the same text in another object");
  for (const more of [{ branch: "b" }, { remote_origin: "r" }, { health: "h" }, { too_large_bytes: 5 }]) {
    t.not(view.next(metaOf(more), files, false), view, Object.keys(more).join());
  }
  t.not(view.next(meta, [fileOf("a", "2")], true), view, "a file");
  t.end();
});

t.test("a client that was sent the view before lacks the next one", (t) => {
  const before = TreeView.of(APP, meta, files);
  const next = before.next(meta, [fileOf("a", "2")], true);
  t.ok(next.looksLike(next.mark));
  t.notOk(next.looksLike(before.mark));
  t.end();
});

t.test("a view that comes back is known by its digest, if that was made while its diff was there", (t) => {
  const first = TreeView.of(APP, meta, files);
  const second = first.next(meta, [], true);
  const third = second.next(meta, files, true);
  t.notOk(third.looksLike(first.mark), "nobody can tell");
  first.seal();
  t.ok(third.looksLike(first.mark));
  second.seal();
  t.notOk(third.looksLike(second.mark));
  t.end();
});
