import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, cpSync, lstatSync, readdirSync, readFileSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { expectedDiff } from "./git-oracle.js";
import { createRepo, GIT_ENV, git, TestRepo } from "./repo.js";
import { tempDir } from "./temp.js";

/** The patch of a new file that holds "one\n". @param name as git quotes it, without the quotes around it */
function patchOfOne(name: string, hash: "sha1" | "sha256"): string {
  const quoted = (prefix: string): string => (name.includes("\\") ? `"${prefix}${name}"` : prefix + name);
  const oid = createHash(hash).update("blob 4\0one\n").digest("hex");
  return [
    `diff --git ${quoted("a/")} ${quoted("b/")}\nnew file mode 100644\nindex ${"0".repeat(oid.length)}..${oid}\n`,
    `--- /dev/null\n+++ ${quoted("b/")}\n@@ -0,0 +1 @@\n+one\n`,
  ].join("");
}

t.test("tracked changes come first, then untracked files in the order of their bytes", async (t) => {
  const repo = createRepo(t, { ".gitignore": "*.log\n", b: "1\n", staged: "1\n" });
  repo.write("staged", "2\n");
  repo.git("add", "staged");
  for (const [path, content] of Object.entries({
    b: "2\n",
    z: "z\n",
    a: "a\n",
    "ignored.log": "x\n",
    "dir/-": "d\n",
  })) {
    repo.write(path, content);
  }
  git(repo.root, "init", "-q", "nested");
  const names = expectedDiff(repo.root)
    .toString()
    .match(/^diff --git .*$/gm);
  t.strictSame(
    names,
    ["b", "staged", "a", "dir/-", "z"].map((name) => `diff --git a/${name} b/${name}`),
  );
});

t.test("an untracked name is bytes, not text", async (t) => {
  const repo = createRepo(t, { kept: "kept\n" });
  execFileSync("sh", ["-c", `printf 'one\\n' > "$(printf 'a\\377')"`], { cwd: repo.root });
  t.equal(expectedDiff(repo.root).toString(), patchOfOne(String.raw`a\377`, "sha1"));
  t.equal(expectedDiff(repo.root, { inCopy: true }).toString(), expectedDiff(repo.root).toString(), "in a copy, too");
});

t.test("a SHA-256 repository without a commit is compared with its own empty tree", async (t) => {
  const root = tempDir(t);
  git(root, "init", "-q", "--object-format=sha256");
  const repo = new TestRepo(root);
  repo.write("staged", "one\n");
  repo.git("add", "staged");
  t.equal(expectedDiff(root).toString(), patchOfOne("staged", "sha256"));
});

t.test("through a symbolic link the answer is the same", async (t) => {
  const repo = createRepo(t, { a: "1\n" });
  repo.write("a", "2\n");
  repo.write("b", "2\n");
  const expected = expectedDiff(repo.root).toString();
  t.match(expected, /^diff --git a\/a b\/a$.*^diff --git a\/b b\/b$/ms);
  const links = tempDir(t);
  symlinkSync(repo.root, join(links, "tree"));
  t.equal(expectedDiff(join(links, "tree")).toString(), expected, "to the tree");

  const program = fileURLToPath(new URL("./git-oracle.js", import.meta.url));
  symlinkSync(join(program, ".."), join(links, "support"));
  for (const path of [program, join(links, "support/git-oracle.js")]) {
    t.equal(execFileSync(process.execPath, [path, repo.root], { env: GIT_ENV }).toString(), expected, "to the program");
  }
});

t.test("git's index keeps its bytes and its time, however outdated its stat data are", async (t) => {
  for (const split of [false, true]) {
    const repo = createRepo(t, { a: "1\n", b: "1\n" });
    if (split) repo.git("update-index", "--split-index");
    repo.git("config", "core.splitIndex", String(split));
    repo.git("config", "splitIndex.maxPercentChange", "0"); // each index that is written brings a shared one
    repo.write("b", "2\n");
    utimesSync(join(repo.root, "a"), 1e9, 1e9); // `git diff` would write the new time into the index
    const files = (): string[] => readdirSync(join(repo.root, ".git")).sort();
    const index = join(repo.root, ".git/index");
    const before = { names: files(), bytes: readFileSync(index), ...times(index) };
    t.match(expectedDiff(repo.root).toString(), /^diff --git a\/b b\/b\n(?!.*^diff)/ms);
    t.strictSame({ names: files(), bytes: readFileSync(index), ...times(index) }, before, split ? "split" : "whole");
    repo.git("diff");
    t.notSame(readFileSync(index), before.bytes, "as it does when asked itself");
  }
});

t.test("a file that changed in the second in which the index was written is seen", async (t) => {
  const repo = createRepo(t, { a: "1\n" });
  const [file, index] = [join(repo.root, "a"), join(repo.root, ".git/index")];
  repo.git("config", "core.trustctime", "false");
  utimesSync(file, 1e9, 1e9);
  repo.git("update-index", "--refresh");
  utimesSync(index, 1e9, 1e9);
  repo.write("a", "2\n");
  utimesSync(file, 1e9, 1e9); // the stat data are those of the index, whose own time is the same
  t.match(expectedDiff(repo.root).toString(), /^\+2$/m);
});

t.test("what was put in place with its old time is seen in a copy", async (t) => {
  const repo = createRepo(t, { a: "1\n" });
  const file = join(repo.root, "a");
  repo.git("config", "core.trustctime", "false");
  repo.git("config", "core.checkStat", "minimal");
  utimesSync(file, 1e9, 1e9);
  repo.git("update-index", "--refresh");
  const other = join(tempDir(t), "a");
  cpSync(file, other);
  new TestRepo(join(other, "..")).write("a", "2\n");
  utimesSync(other, 1e9, 1e9);
  copyFileSync(other, file);
  utimesSync(file, 1e9, 1e9);
  t.equal(expectedDiff(repo.root).toString(), "", "git trusts the time");
  t.match(expectedDiff(repo.root, { inCopy: true }).toString(), /^\+2$/m);
});

t.test("where git has no answer there is none", async (t) => {
  t.throws(() => expectedDiff(tempDir(t)), /not a git repository/);
});

function times(path: string): { mtimeNs: bigint; ino: bigint } {
  const { mtimeNs, ino } = lstatSync(path, { bigint: true });
  return { mtimeNs, ino };
}
