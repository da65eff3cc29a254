import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import t from "tap";
import { serverMessageSchema } from "../../src/protocol/index.js";
import { packagePath } from "../../src/util/index.js";
import { runProgram } from "../support/program.js";
import { createRepo, expectedOf, git, type TestRepo } from "../support/repo.js";
import { type Cleanup, tempDir } from "../support/temp.js";

const unbundled = !existsSync(packagePath("dist/bin/code")) && "this build is for coverage: nothing is bundled";

const lines = (count: number, text = "line") => Array.from({ length: count }, (_, at) => `${text} ${at}\n`).join("");

/** What ordinary work leaves behind: what is committed, what is done then, and where the agent is pointed if not there. */
const CASES: Record<string, { files?: Record<string, string>; work: (repo: TestRepo) => string | undefined }> = {
  "a clean tree": { files: { a: "1\n" }, work: () => undefined },
  "modified files": {
    files: { a: lines(30), "src/deep/b.c": `int f(void)\n{\n${lines(20, "  x")}}\n`, same: "1\n" },
    work: (repo) => {
      repo.write("a", lines(30).replace("line 3\n", "line three\n").replace("line 25\n", ""));
      repo.write("src/deep/b.c", `int f(void)\n{\n${lines(20, "  x").replace("x 12", "y 12")}}\n`);
      return undefined;
    },
  },
  "staged, and changed again since": {
    files: { a: "1\n", b: "1\n" },
    work: (repo) => {
      repo.write("a", "2\n");
      repo.git("add", "a");
      repo.write("a", "3\n");
      repo.write("b", "2\n");
      repo.git("add", "b");
      repo.write("b", "1\n");
      return undefined;
    },
  },
  "deleted, in the tree and in the index": {
    files: { a: "1\n", b: "1\n", "dir/c": "1\n" },
    work: (repo) => {
      repo.remove("a");
      repo.git("rm", "-q", "b");
      repo.git("rm", "-q", "--cached", "dir/c");
      return undefined;
    },
  },
  "added and untracked": {
    files: { a: "1\n" },
    work: (repo) => {
      repo.write("added", "1\n");
      repo.git("add", "added");
      repo.write("untracked", "1\n");
      repo.write("new/dir/file", lines(3));
      repo.write("a.first", "in what order?\n");
      repo.write("a/../a-second", "1\n");
      return undefined;
    },
  },
  ignored: {
    files: { ".gitignore": "*.log\n/build/\n!keep.log\n", a: "1\n" },
    work: (repo) => {
      repo.write("x.log", "1\n");
      repo.write("keep.log", "1\n");
      repo.write("build/out", "1\n");
      repo.write("sub/.gitignore", "local\n");
      repo.write("sub/local", "1\n");
      repo.write("sub/build/out", "1\n");
      repo.write(".git/info/exclude", "excluded\n");
      repo.write("excluded", "1\n");
      return undefined;
    },
  },
  renamed: {
    files: { "exact name": lines(10), "dir/similar": lines(30), gone: lines(5, "other") },
    work: (repo) => {
      repo.git("mv", "exact name", "another name");
      repo.git("mv", "dir/similar", "moved");
      repo.write("moved", lines(30).replace("line 7\n", "line seven\n"));
      renameSync(join(repo.root, "gone"), join(repo.root, "untracked now"));
      return undefined;
    },
  },
  binary: {
    files: { b: "\0\x01\x02", t: "text\n" },
    work: (repo) => {
      repo.write("b", "\0\x01\x03");
      repo.write("t", "now\0binary\n");
      repo.write("new", "\0");
      return undefined;
    },
  },
  "mode changed": {
    files: { run: "#!/bin/sh\n", both: "1\n" },
    work: (repo) => {
      chmodSync(join(repo.root, "run"), 0o755);
      chmodSync(join(repo.root, "both"), 0o755);
      repo.write("both", "2\n");
      repo.write("new", "#!/bin/sh\n");
      chmodSync(join(repo.root, "new"), 0o755);
      return undefined;
    },
  },
  "symbolic links": {
    files: { target: "1\n", file: "1\n" },
    work: (repo) => {
      symlinkSync("target", join(repo.root, "link"));
      repo.commit();
      repo.remove("link");
      symlinkSync("nowhere", join(repo.root, "link"));
      repo.remove("file");
      symlinkSync("target", join(repo.root, "file"));
      mkdirSync(join(repo.root, "dir"));
      symlinkSync("../target", join(repo.root, "dir/to file"));
      symlinkSync("..", join(repo.root, "dir/up"));
      symlinkSync("dir", join(repo.root, "to dir"));
      symlinkSync("/nowhere/at all", join(repo.root, "dir/to nothing"));
      return undefined;
    },
  },
  "a link that became a file": {
    files: { target: "1\n" },
    work: (repo) => {
      symlinkSync("target", join(repo.root, "link"));
      repo.commit();
      repo.remove("link");
      repo.write("link", "a file\n");
      return undefined;
    },
  },
  "odd names": {
    files: { "with space": "1\n", 'quo"te': "1\n", "tab\there": "1\n", ünïcödé: "1\n", "line\nfeed": "1\n" },
    work: (repo) => {
      for (const name of ["with space", 'quo"te', "tab\there", "ünïcödé", "line\nfeed"]) repo.write(name, "2\n");
      for (const name of ["new space", 'new "quote', "new\ttab", "名前", "back\\slash", " lead", "-dash"]) {
        repo.write(name, "1\n");
      }
      return undefined;
    },
  },
  "no newline at the end": {
    files: { a: "1\n2", b: "1\n2\n", c: "1" },
    work: (repo) => {
      repo.write("a", "1\n2\n");
      repo.write("b", "1\n2");
      repo.write("c", "2");
      repo.write("new", "no newline");
      return undefined;
    },
  },
  "CRLF content": {
    files: { a: "one\r\ntwo\r\n", b: "one\ntwo\n" },
    work: (repo) => {
      repo.write("a", "one\r\nzwei\r\n");
      repo.write("b", "one\r\ntwo\r\n");
      repo.write("new", "x\r\n");
      return undefined;
    },
  },
  "empty files": {
    files: { empty: "", full: "1\n" },
    work: (repo) => {
      repo.write("full", "");
      repo.write("empty", "1\n");
      repo.write("new", "");
      repo.write("staged", "");
      repo.git("add", "staged");
      return undefined;
    },
  },
  "no commits yet": {
    work: (repo) => {
      repo.write("staged", "1\n");
      repo.git("add", "staged");
      repo.write("staged", "2\n");
      repo.write("untracked", "1\n");
      return undefined;
    },
  },
  "detached HEAD": {
    files: { a: "1\n" },
    work: (repo) => {
      repo.write("a", "2\n");
      repo.commit("second");
      repo.git("checkout", "-q", "HEAD~1");
      repo.write("a", "3\n");
      return undefined;
    },
  },
  "a linked worktree": {
    files: { a: "1\n" },
    work: (repo) => {
      const linked = join(repo.root, "..", "linked");
      repo.git("worktree", "add", "-q", "-b", "side", linked);
      repo.write("a", "changed in the other one\n");
      writeFileSync(join(linked, "a"), "changed here\n");
      writeFileSync(join(linked, "new"), "1\n");
      return linked;
    },
  },
  "nested repositories": {
    files: { a: "1\n" },
    work: (repo) => {
      repo.write("a", "2\n");
      createRepo({ teardown() {} }, { inner: "1\n" }, join(repo.root, "nested/one")).write("inner", "2\n");
      createRepo({ teardown() {} }, {}, join(repo.root, "unborn"));
      repo.write("nested/beside", "1\n");
      return undefined;
    },
  },
};

/** A repository one level below a directory of the test, so that there is room beside it. */
function repoWith(t: Cleanup, files: Record<string, string> = {}): TestRepo {
  return createRepo(t, files, join(tempDir(t), "repo"));
}

t.test("the diff is git's, byte for byte, tree after tree", async (t) => {
  const cases = Object.entries(CASES).map(([name, { files, work }]) => {
    const repo = repoWith(t, files);
    return { name, root: work(repo) ?? repo.root };
  });
  const { status, output, stderr } = await runProgram(t, "agent", ["--once", ...cases.map(({ root }) => root)]);
  t.equal(stderr, "");
  t.equal(status, 0);
  let offset = 0;
  for (const { name, root } of cases) {
    const expected = expectedOf(root).unified_diff;
    t.equal(output.toString("latin1", offset, offset + expected.length), expected.toString("latin1"), name);
    t.equal(expected.length > 0, name !== "a clean tree", "there is something to compare");
    offset += expected.length;
  }
  t.equal(output.length, offset);
});

t.test("json is the message with which a stream begins", async (t) => {
  const repo = repoWith(t, { a: "1\n" });
  repo.git("remote", "add", "origin", "https://example.com/app.git");
  repo.write("a", "2\n");
  const clean = repoWith(t, { a: "1\n" });
  clean.git("checkout", "-q", "--detach");
  const { stdout } = await runProgram(t, "agent", ["--once", "--format", "json", repo.root, clean.root]);
  const message = serverMessageSchema.parse(JSON.parse(stdout));
  t.equal(stdout.split("\n").length, 2, "on one line");
  t.same(message.type === "changes" && message.repositories, [
    {
      repo_root: repo.root,
      branch: "main",
      remote_origin: "https://example.com/app.git",
      unified_diff: expectedOf(repo.root).unified_diff.toString(),
    },
    { repo_root: clean.root, branch: "", unified_diff: "" },
  ]);
});

t.test("stat is the table of git diff --stat, with untracked files at its end", async (t) => {
  const repo = repoWith(t, { a: lines(4), "dir/b": "1\n", c: "1\n" });
  repo.write("a", lines(2));
  repo.write("dir/b", "2\n");
  repo.git("mv", "c", "dir/c");
  const gits = repo.git("diff", "--stat", "HEAD");
  const { stdout } = await runProgram(t, "agent", ["--once", "--format", "stat"], { cwd: repo.root });
  t.equal(stdout, `${gits}\n`);
  repo.write("dir/new", "1\n");
  const after = await runProgram(t, "agent", ["--once", "--format", "stat"], { cwd: repo.root });
  t.equal(
    after.stdout,
    gits.replace(/\n[^\n]*$/, "\n dir/new    | 1 +\n 4 files changed, 2 insertions(+), 3 deletions(-)\n"),
  );
});

t.test("the path may be any file or directory inside, and paths in one tree count once", async (t) => {
  const repo = repoWith(t, { "src/a": "1\n" });
  repo.write("src/a", "2\n");
  symlinkSync(repo.root, join(repo.root, "..", "by-link"));
  const other = repoWith(t, { b: "1\n" });
  other.write("b", "2\n");
  const paths = ["src", "src/a", ".", "../by-link/src", other.root];
  const { output } = await runProgram(t, "agent", ["--once", ...paths], { cwd: repo.root });
  const both = Buffer.concat([repo, other].map(({ root }) => expectedOf(root).unified_diff));
  t.equal(output.toString(), both.toString());
});

t.test("with --exit-code the status tells whether anything differs", async (t) => {
  const repo = repoWith(t, { a: "1\n" });
  const status = async (...args: string[]) => (await runProgram(t, "agent", ["--once", ...args, repo.root])).status;
  t.equal(await status("--exit-code"), 0);
  repo.write("a", "2\n");
  t.equal(await status(), 0);
  for (const format of ["diff", "json", "stat"]) t.equal(await status("--exit-code", "--format", format), 1, format);
});

t.test("the repository is left as it was", async (t) => {
  const repo = repoWith(t, { a: "1\n" });
  repo.write("a", "1\n"); // the index does not know that it is the same
  const index = git(repo.root, "rev-parse", "--git-path", "index");
  const before = git(repo.root, "hash-object", "--no-filters", index);
  rmSync(join(repo.root, ".git", "logs"), { recursive: true, force: true });
  await runProgram(t, "agent", ["--once", repo.root]);
  t.equal(git(repo.root, "hash-object", "--no-filters", index), before);
});

t.test("a second run starts from the code of the first", { skip: unbundled }, async (t) => {
  const repo = createRepo(t, { a: "1\n" });
  repo.write("a", "2\n");
  const env = { XDG_CACHE_HOME: tempDir(t), CACHE_DIRECTORY: "", NODE_DISABLE_COMPILE_CACHE: "" };
  const directory = join(env.XDG_CACHE_HOME, "treewire");
  const kept = () =>
    readdirSync(directory).map((name) => [name, statSync(join(directory, name), { bigint: true }).ctimeNs]);
  const first = await runProgram(t, "agent", ["--once"], { cwd: repo.root, env });
  const code = kept();
  t.match(
    code.map(([name]) => name),
    [/%code%agent\.cjs$/, /%code%once\.cjs$/],
  );
  const second = await runProgram(t, "agent", ["--once"], { cwd: repo.root, env });
  t.same([second.status, second.stdout, second.stderr], [first.status, first.stdout, first.stderr]);
  t.same(kept(), code, "and has nothing to keep");
});
