import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t, { type Test } from "tap";
import { openRepository, type Repository } from "../../src/git/index.js";
import type { ErrorCode, TreewireError } from "../../src/util/index.js";
import { createRepo, GIT_ENV, git } from "../support/repo.js";
import { tempDir } from "../support/temp.js";

function refusal(path: string): TreewireError {
  try {
    openRepository(path);
  } catch (thrown) {
    return thrown as TreewireError;
  }
  throw new Error(`${path} was opened`);
}

function refuses(test: Test, path: string, code: ErrorCode, says: RegExp): void {
  const error = refusal(path);
  test.equal(error.code, code, error.message);
  test.match(error.message, says);
  test.notMatch(error.message, /\n/);
}

t.test("a repository is found from any file or directory in it, through links too", async (t) => {
  const repo = createRepo(t, { "a/b/file": "1\n" });
  const link = join(tempDir(t), "link");
  symlinkSync(join(repo.root, "a"), link);
  for (const path of [repo.root, join(repo.root, "a"), join(repo.root, "a/b/file"), link, join(link, "b/file")]) {
    t.equal(openRepository(path).root, repo.root);
  }
});

t.test("the innermost repository wins, and a broken .git directory is passed by", async (t) => {
  const outer = createRepo(t, { file: "1\n" });
  const inner = createRepo(t, { file: "2\n" }, join(outer.root, "inner"));
  mkdirSync(join(outer.root, "broken/.git"), { recursive: true });
  t.equal(openRepository(join(inner.root, "file")).root, inner.root);
  t.equal(openRepository(join(outer.root, "broken")).root, outer.root);
});

t.test("a .git file leads to the git directory", async (t) => {
  const dir = tempDir(t);
  git(dir, "init", "-q", "--separate-git-dir", join(dir, "store"), join(dir, "tree"));
  const repository = openRepository(join(dir, "tree"));
  t.equal(repository.root, join(dir, "tree"));
  t.equal(repository.gitDir, join(dir, "store"));
});

t.test("a nested repository is known by git's own test", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  createRepo(t, {}, join(repo.root, "nested"));
  git(repo.root, "init", "-q", "--separate-git-dir", join(tempDir(t), "store"), "pointed");
  mkdirSync(join(repo.root, "empty/.git"), { recursive: true });
  mkdirSync(join(repo.root, "astray"));
  writeFileSync(join(repo.root, "astray/.git"), "gitdir: /nowhere/at/all\n");
  writeFileSync(join(repo.root, "astray/seen"), "");
  writeFileSync(join(repo.root, "empty/seen"), "");
  const repository = openRepository(repo.root);
  const untracked = repo.git("ls-files", "--others").split("\n");
  t.same(untracked, ["astray/seen", "empty/seen", "nested/", "pointed/"]);
  const nested = ["nested", "pointed", "empty", "astray", "missing"].filter((name) =>
    repository.isNestedRepository(name),
  );
  t.same(nested, ["nested", "pointed"]);
});

t.test("core.worktree moves the working tree", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  const elsewhere = tempDir(t);
  repo.git("config", "core.worktree", elsewhere);
  t.equal(openRepository(repo.root).root, elsewhere);
});

t.test("what can't be opened is refused with a code and one line", async (t) => {
  const dir = tempDir(t);
  writeFileSync(join(dir, "file"), "");
  refuses(t, join(dir, "missing"), "TW_PATH_NOT_FOUND", /missing/);
  refuses(t, join(dir, "file/below"), "TW_PATH_NOT_FOUND", /below/);
  refuses(t, dir, "TW_NOT_A_REPOSITORY", /git init/);
  refuses(t, join(dir, "file"), "TW_NOT_A_REPOSITORY", /file/);

  symlinkSync("loop", join(dir, "loop"));
  refuses(t, join(dir, "loop"), "TW_PATH_NOT_FOUND", /loop/);

  git(dir, "init", "-q", "--bare", "bare");
  refuses(t, join(dir, "bare"), "TW_BARE_REPOSITORY", /bare/);
  refuses(t, join(dir, "bare/refs"), "TW_BARE_REPOSITORY", /bare/);

  mkdirSync(join(dir, "pointer"));
  writeFileSync(join(dir, "pointer/.git"), "gitdir: ../nowhere\n");
  refuses(t, join(dir, "pointer"), "TW_CORRUPT_REPOSITORY", /nowhere/);
  writeFileSync(join(dir, "pointer/.git"), "nonsense");
  refuses(t, join(dir, "pointer"), "TW_CORRUPT_REPOSITORY", /gitdir/);
});

t.test("a damaged repository is refused, naming the file", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  const file = (name: string): string => join(repo.root, ".git", name);
  writeFileSync(file("index"), "DIRC but not really an index file");
  const repository = openRepository(repo.root);
  t.throws(() => repository.index(), { code: "TW_CORRUPT_REPOSITORY", message: new RegExp(file("index")) });
  writeFileSync(file("refs/heads/main"), "0123\n");
  t.throws(() => repository.head(), { code: "TW_CORRUPT_REPOSITORY", message: /refs\/heads\/main/ });
  writeFileSync(file("refs/heads/main"), `${"1".repeat(40)}\n`);
  t.throws(() => repository.head(), { code: "TW_CORRUPT_REPOSITORY", message: /object 1{40}/ });
  writeFileSync(file("config"), "[core\n");
  refuses(t, repo.root, "TW_BAD_GIT_CONFIG", /config.*line/);
  rmSync(file("HEAD"));
  refuses(t, repo.root, "TW_CORRUPT_REPOSITORY", /\.git/);
});

t.test("a repository of a later format is refused, naming the feature", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  repo.git("config", "core.repositoryFormatVersion", "1");
  repo.git("config", "extensions.futureThing", "true");
  refuses(t, repo.root, "TW_UNSUPPORTED_REPOSITORY", /extensions\.futurething/);
});

t.test("the search ends below GIT_CEILING_DIRECTORIES, as git's does", async (t) => {
  const repo = createRepo(t, { "a/b/file": "1\n" });
  const parent = dirname(repo.root);
  const link = join(tempDir(t), "link");
  symlinkSync(repo.root, link);
  const lists = [
    "",
    repo.root,
    `${repo.root}/`,
    parent,
    `${repo.root}/a`,
    `${repo.root}/a/b`,
    "/",
    "/nowhere",
    "a",
    link,
    `:${link}`,
  ];
  for (const list of [...lists, `${parent}:${repo.root}/a`, `/nowhere::${repo.root}`]) {
    const environment = { ...GIT_ENV, GIT_CEILING_DIRECTORIES: list };
    for (const path of ["", "a", "a/b"].map((name) => join(repo.root, name))) {
      const git = spawnSync("git", ["rev-parse", "--show-toplevel"], { cwd: path, env: environment });
      const open = (): Repository => openRepository(path, environment);
      if (git.status === 0) t.equal(open().root, git.stdout.toString().trim(), `${list} ${path}`);
      else t.throws(open, { code: "TW_NOT_A_REPOSITORY" }, `${list} ${path}`);
    }
  }
});
