import t from "tap";
import { openRepository } from "../../../src/git/index.js";
import { mergeFiles } from "../../../src/protocol/index.js";
import { EMPTY_REQUEST, type PassRequest } from "../../../src/worktree/patches/pass-request.js";
import { TreeDiff } from "../../../src/worktree/patches/tree-diff.js";
import { NO_COVERAGE } from "../../../src/worktree/scan/coverage.js";
import { createRepo, expectedOf, type TestRepo } from "../../support/repo.js";
import type { Cleanup } from "../../support/temp.js";

const NO_SUBMODULES = { state: async () => undefined };

async function open(t: Cleanup, repo: TestRepo, budget = {}): Promise<TreeDiff> {
  const diff = new TreeDiff(openRepository(repo.root, process.env, "all"), NO_COVERAGE, NO_SUBMODULES, budget);
  t.teardown(() => diff.close());
  return diff;
}

function requestOf(paths: readonly string[], request: Partial<PassRequest> = {}): PassRequest {
  return { ...EMPTY_REQUEST, paths: new Map(paths.map((path) => [path, true])), ...request };
}

const textOf = ({ files }: TreeDiff): string => files.map(({ header, hunks }) => header + hunks).join("");

t.test("each pass says what leads from the files before it to those after", async (t) => {
  const repo = createRepo(t, { a: "a\n", b: "b\n", "d/c": "c\n" });
  repo.write("a", "A\n");
  const diff = await open(t, repo);
  t.strictSame([...(await diff.pass(EMPTY_REQUEST)).keys()], ["t:a"]);
  const steps: [() => void, PassRequest, string[]][] = [
    [() => repo.write("new", "new\n"), requestOf(["new"]), ["u:new"]],
    [() => {}, requestOf(["a", "b"]), []],
    [() => repo.write("a", "a\n"), requestOf(["a"]), ["t:a"]],
    [() => repo.git("add", "new"), requestOf([], { repository: new Set(["index"]) }), ["t:new", "u:new"]],
    [() => repo.git("mv", "b", "d/b"), requestOf(["b", "d/b"], { repository: new Set(["index"]) }), ["t:d/b"]],
    [() => repo.commit(), requestOf([], { repository: new Set(["head", "index"]) }), ["t:d/b", "t:new"]],
    [() => repo.write("d/c", "C\n"), requestOf([], { everything: "sweep" }), ["t:d/c"]],
    [() => repo.write("d/c", "CC\n"), requestOf([], { everything: "relist" }), ["t:d/c"]],
  ];
  for (const [change, request, keys] of steps) {
    change();
    const before = diff.files;
    const changes = await diff.pass(request);
    t.strictSame([...changes.keys()], keys);
    t.strictSame(mergeFiles(before, changes), diff.files);
    t.equal(textOf(diff), expectedOf(repo.root).unified_diff.toString());
  }
});

t.test("what a pass that failed had found is in the next one that succeeds", async (t) => {
  const repo = createRepo(t, { "a.own": "a\n", gone: "1\n2\n3\n4\n5\n6\n" });
  const diff = await open(t, repo);
  await diff.pass(EMPTY_REQUEST);
  const blob = repo.git("rev-parse", "HEAD:gone");
  const object = `.git/objects/${blob.slice(0, 2)}/${blob.slice(2)}`;
  repo.git("mv", "gone", "come");
  repo.write("come", "1\n2\n3\n4\n5\nsix\n");
  repo.git("add", "-A");
  repo.write("untracked", "new\n");
  const paths = ["gone", "come", "untracked"];
  repo.move(object, ".git/aside");
  await t.rejects(diff.pass(requestOf(paths, { repository: new Set(["index"]) })), { code: "TW_CORRUPT_REPOSITORY" });
  t.strictSame(diff.files, []);
  repo.move(".git/aside", object);
  const changes = await diff.pass(requestOf(paths, { repository: new Set(["objects"]) }));
  t.strictSame([...changes.keys()], ["t:come", "u:untracked"]);
  t.equal(textOf(diff), expectedOf(repo.root).unified_diff.toString());
});

t.test("hunks beyond the budget are left out and counted", async (t) => {
  const repo = createRepo(t, { a: "a\n" });
  repo.write("large", "line\n".repeat(1000));
  repo.write("small", "line\n");
  const diff = await open(t, repo, { keptPatchBytes: 1000, maxPatchBytes: 10_000 });
  await diff.pass(EMPTY_REQUEST);
  t.strictSame(
    diff.files.map(({ key, hunks, omitted_bytes }) => [key, hunks !== "", omitted_bytes > 0]),
    [
      ["u:large", false, true],
      ["u:small", true, false],
    ],
  );
  repo.remove("large");
  await diff.pass(requestOf(["large"]));
  t.equal(textOf(diff), expectedOf(repo.root).unified_diff.toString());
});

t.test("how the tree differs from HEAD counts staged, changed and untracked files", async (t) => {
  const repo = createRepo(t, { a: "a\n" });
  const diff = await open(t, repo);
  await diff.pass(EMPTY_REQUEST);
  t.strictSame(diff.modifications, { tracked: false, untracked: false });
  repo.write("new", "new\n");
  await diff.pass(requestOf(["new"]));
  t.strictSame(diff.modifications, { tracked: false, untracked: true });
  repo.write("a", "staged\n");
  repo.git("add", "a");
  repo.write("a", "a\n");
  repo.remove("new");
  await diff.pass(requestOf(["a", "new"], { repository: new Set(["index"]) }));
  t.strictSame(diff.modifications, { tracked: true, untracked: false }, "the file took back what was staged");
  t.strictSame(diff.files, []);
});

t.test("a path that can't be read is a trouble, and everything else is shown", async (t) => {
  const repo = createRepo(t, { a: "a\n", b: "b\n" });
  const diff = await open(t, repo);
  await diff.pass(EMPTY_REQUEST);
  repo.git("config", "filter.broken.clean", "false");
  repo.git("config", "filter.broken.required", "true");
  repo.write(".gitattributes", "a filter=broken\n");
  repo.write("a", "changed\n");
  repo.write("b", "changed\n");
  await diff.pass(requestOf([".gitattributes", "a", "b"], { repository: new Set(["config"]) }));
  t.strictSame(
    diff.troubles.map(({ path }) => path),
    ["a"],
  );
  t.strictSame(
    diff.files.map(({ key }) => key),
    ["t:b", "u:.gitattributes"],
  );
});
