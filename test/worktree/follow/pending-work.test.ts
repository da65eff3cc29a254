import t from "tap";
import { PendingWork } from "../../../src/worktree/follow/pending-work.js";

t.test("what was added is taken once", async (t) => {
  const pending = new PendingWork();
  pending.addPath("a", false);
  pending.addRepositoryPart("index");
  pending.addEverything("sweep");
  const { paths, repository, everything } = pending.take();
  t.strictSame([[...paths], [...repository], everything], [[["a", false]], ["index"], "sweep"]);
  const empty = pending.take();
  t.strictSame([empty.paths.size, empty.repository.size, empty.everything], [0, 0, "no"]);
});

t.test("a name that may stand for another file stays so, whatever else happens to it", async (t) => {
  const pending = new PendingWork();
  pending.addPath("a", true);
  pending.addPath("a", false);
  pending.addPath("b", false);
  pending.addPath("b", true);
  t.strictSame(
    [...pending.take().paths],
    [
      ["a", true],
      ["b", true],
    ],
  );
});

t.test("a relisting includes a sweep, in any order", async (t) => {
  const pending = new PendingWork();
  pending.addEverything("relist");
  pending.addEverything("sweep");
  t.equal(pending.take().everything, "relist");
  pending.addEverything("sweep");
  pending.addEverything("relist");
  t.equal(pending.take().everything, "relist");
});

t.test("what a failed pass took comes back beside what has come meanwhile", async (t) => {
  const pending = new PendingWork();
  pending.addPath("a", true);
  pending.addPath("b", false);
  pending.addRepositoryPart("head");
  const taken = pending.take();
  pending.addPath("a", false);
  pending.addPath("c", false);
  pending.addRepositoryPart("index");
  pending.putBack(taken);
  const { paths, repository, everything } = pending.take();
  t.strictSame([...paths].sort(), [
    ["a", true],
    ["b", false],
    ["c", false],
  ]);
  t.strictSame([[...repository].sort(), everything], [["head", "index"], "no"]);
});

t.test("a sweep that failed amid its way begins anew with every directory", async (t) => {
  const pending = new PendingWork();
  pending.addEverything("sweep");
  pending.putBack(pending.take());
  t.equal(pending.take().everything, "relist");
});

t.test("the whole repository is each of its parts", async (t) => {
  const pending = new PendingWork();
  pending.addWholeRepository();
  t.strictSame([...pending.take().repository].sort(), ["attributes", "config", "head", "ignore", "index", "objects"]);
});

t.test("edits of files that are the same as before are taken out alone", async (t) => {
  const pending = new PendingWork();
  pending.addPath("edited", false);
  pending.addPath("replaced", true);
  pending.addPath("other", false);
  pending.addRepositoryPart("index");
  const edits = pending.takeEdits((path) => path !== "other");
  t.strictSame([[...edits.paths], edits.repository.size, edits.everything], [[["edited", false]], 0, "no"]);
  const rest = pending.take();
  t.strictSame([[...rest.paths.keys()], [...rest.repository]], [["replaced", "other"], ["index"]]);
});
