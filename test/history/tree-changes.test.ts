import { execFileSync } from "node:child_process";
import t from "tap";
import { openRepository } from "../../src/git/index.js";
import { changedPaths } from "../../src/history/index.js";
import fc from "../support/fast-check.js";
import { createRepo, GIT_ENV, type TestRepo } from "../support/repo.js";

interface Entry {
  mode: string;
  /** One character per byte. */
  path: string;
  content: string;
}

/** Writes a tree by the index, where names that no file system has can stand. @returns its id */
function treeOf(repo: TestRepo, entries: readonly Entry[]): string {
  const lines = entries.map(({ mode, path, content }) => {
    const oid =
      mode === "160000"
        ? "1".repeat(40)
        : execFileSync("git", ["-C", repo.root, "hash-object", "-w", "--stdin"], { input: content, env: GIT_ENV });
    return `${mode} ${oid.toString().trim()}\t${path}\0`;
  });
  repo.git("read-tree", "--empty");
  const input = Buffer.from(lines.join(""), "latin1");
  execFileSync("git", ["-C", repo.root, "update-index", "-z", "--index-info"], { input, env: GIT_ENV });
  return repo.git("write-tree");
}

/** `mode oid mode oid path` of each change, as `git diff-tree` prints it. */
function byGit(repo: TestRepo, left: string, right: string): string[] {
  const args = ["-C", repo.root, "diff-tree", "-r", "-z", "--no-renames", left, right];
  const parts = execFileSync("git", args, { env: GIT_ENV, maxBuffer: 2 ** 28 })
    .toString("latin1")
    .split("\0");
  const changes: string[] = [];
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const [leftMode = "", rightMode = "", leftOid = "", rightOid = ""] = (parts[at] ?? "").slice(1).split(" ");
    changes.push(`${leftMode} ${leftOid} ${rightMode} ${rightOid} ${parts[at + 1]}`);
  }
  return changes;
}

const NOTHING = { mode: 0, oid: "0".repeat(40) };

function found(repo: TestRepo, left: string, right: string): string[] {
  const source = openRepository(repo.root, GIT_ENV).historySource();
  return changedPaths(source, left, right).map(({ path, left = NOTHING, right = NOTHING }) =>
    [left, right]
      .map(({ mode, oid }) => `${mode.toString(8).padStart(6, "0")} ${oid}`)
      .join(" ")
      .concat(` ${path}`),
  );
}

const file = (path: string, content = path, mode = "100644"): Entry => ({ mode, path, content });

t.test("two trees differ where git says so", async (t) => {
  const repo = createRepo(t);
  const before = treeOf(repo, [
    file("a"),
    file("b/c/d"),
    file("b/c/e"),
    file("same/deep/x"),
    file("file-then-directory"),
    file("directory-then-file/x"),
    file("mode"),
    file("link", "a", "120000"),
    file("sub", "", "160000"),
    file("dir.txt"),
    file("dir/x"),
  ]);
  const after = treeOf(repo, [
    file("a", "changed"),
    file("b/c/e"),
    file("b/new"),
    file("same/deep/x"),
    file("file-then-directory/y"),
    file("directory-then-file"),
    file("mode", "mode", "100755"),
    file("link", "b", "120000"),
    file("dir.txt", "changed"),
    file("dir/x", "changed"),
  ]);
  const empty = treeOf(repo, []);
  t.same(found(repo, before, after), byGit(repo, before, after).sort(byPath));
  t.same(found(repo, after, before), byGit(repo, after, before).sort(byPath));
  t.same(found(repo, empty, after), byGit(repo, empty, after).sort(byPath));
  t.same(found(repo, after, after), []);
});

t.test("names are bytes: those that are no UTF-8, or that isomorphic-git refuses, stay apart", async (t) => {
  const repo = createRepo(t);
  const names = ["caf\xe9", "caf\xe8", "\xff\xfe/x", "with\\backslash", "gr\xc3\xbcn", "line\nfeed", "a\tb"];
  const before = treeOf(
    repo,
    names.map((name) => file(name, "1")),
  );
  const after = treeOf(
    repo,
    names.map((name) => file(name, "2")),
  );
  t.same(found(repo, before, after), byGit(repo, before, after).sort(byPath));
  t.equal(found(repo, before, after).length, names.length);
});

t.test("replaced trees are read, and a missing one is named", async (t) => {
  const repo = createRepo(t);
  const [before, after, other] = [
    treeOf(repo, [file("x/a", "1"), file("x/b", "1")]),
    treeOf(repo, [file("x/a", "2"), file("x/b", "1")]),
    treeOf(repo, [file("c", "3")]),
  ];
  const inner = repo.git("rev-parse", `${after}:x`);
  repo.git("replace", inner, other);
  t.same(found(repo, before, after), byGit(repo, before, after).sort(byPath));
  t.match(found(repo, before, after).join(), / x\/c/);
  repo.git("replace", "-d", inner);
  execFileSync("rm", ["-f", `${repo.root}/.git/objects/${inner.slice(0, 2)}/${inner.slice(2)}`]);
  t.throws(() => found(repo, before, after), { code: "TW_CORRUPT_REPOSITORY", message: new RegExp(inner) });
});

t.test("generated trees differ where git says so", async (t) => {
  const repo = createRepo(t);
  const name = fc.constantFrom("a", "a.b", "a-", "a0", "b", "\xe9", "z");
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
  const entry = fc.record({
    mode: fc.constantFrom("100644", "100755", "120000", "160000"),
    path,
    content: fc.constantFrom("1", "2"),
  });
  const entries = fc.array(entry, { maxLength: 12 }).map((list) => {
    const kept: Entry[] = [];
    const clashes = (a: string, b: string): boolean => a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
    for (const each of list) if (!kept.some((other) => clashes(each.path, other.path))) kept.push(each);
    return kept;
  });
  const property = fc.property(entries, entries, (one, other) => {
    const [left, right] = [treeOf(repo, one), treeOf(repo, other)];
    const [ours, theirs] = [found(repo, left, right), byGit(repo, left, right).sort(byPath)];
    if (ours.join("\n") !== theirs.join("\n")) throw new Error(`${ours.join("\n")}\n\n${theirs.join("\n")}`);
  });
  fc.assert(property, { numRuns: 12 });
});

/** In the order of whole paths, which git's is not where a file stands beside a directory. */
function byPath(a: string, b: string): number {
  const [one, other] = [a, b].map((line) => line.split(" ").slice(4).join(" "));
  return (one ?? "") < (other ?? "") ? -1 : 1;
}
