import { chownSync, mkdirSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRepo, git, TestRepo } from "../support/repo.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { type CaseGroup, gitFails, gitVersion, lines, startRepo, stored, work } from "./case.js";

const SINCE_REFTABLE = 2045;

export const PLACES: CaseGroup = {
  title: "Where repositories stand",
  cases: [
    stored("an ordinary working tree", () => undefined),
    {
      name: "any directory or file in it",
      make: (t) => {
        const repo = startRepo(t);
        work(repo);
        return join(repo.root, "same/kept");
      },
    },
    {
      name: "a path with symbolic links",
      make: (t) => {
        const repo = startRepo(t);
        work(repo);
        const link = join(tempDir(t), "link");
        symlinkSync(repo.root, link);
        return join(link, "dir");
      },
    },
    {
      name: "the git directory elsewhere (`git init --separate-git-dir`)",
      make: (t) => {
        const dir = tempDir(t);
        const root = join(dir, "tree");
        git(dir, "init", "-q", "-b", "main", "--separate-git-dir", join(dir, "store"), root);
        const repo = createRepo(t, { a: "1\n" }, root);
        repo.write("a", "2\n");
        return root;
      },
    },
    {
      name: "a linked worktree (`git worktree add`)",
      make: (t) => {
        const root = join(tempDir(t), "linked");
        startRepo(t).git("worktree", "add", "-q", "-b", "side", root);
        work(new TestRepo(root));
        return root;
      },
    },
    {
      name: "a linked worktree with settings of its own (`extensions.worktreeConfig`)",
      make: (t) => {
        const repo = startRepo(t);
        const root = join(tempDir(t), "linked");
        repo.git("worktree", "add", "-q", "-b", "side", root);
        repo.git("config", "extensions.worktreeConfig", "true");
        git(root, "config", "--worktree", "core.autocrlf", "input");
        new TestRepo(root).write("a.txt", lines(40).replaceAll("\n", "\r\n").replace("line 7", "line seven"));
        return root;
      },
    },
    {
      name: "a linked worktree of a bare repository",
      make: (t) => {
        const dir = tempDir(t);
        git(dir, "clone", "-q", "--bare", startRepo(t).root, "bare.git");
        git(join(dir, "bare.git"), "worktree", "add", "-q", join(dir, "linked"), "main");
        work(new TestRepo(join(dir, "linked")));
        return join(dir, "linked");
      },
    },
    {
      name: "the working tree elsewhere (`core.worktree`)",
      rootIsElsewhere: true,
      make: (t) => {
        const repo = startRepo(t);
        const root = tempDir(t);
        repo.git("config", "core.worktree", root);
        writeFileSync(join(root, "a.txt"), "another text\n");
        return repo.root;
      },
    },
    {
      name: "below a directory whose name is not UTF-8, by a link whose name is",
      make: (t) => {
        const dir = tempDir(t);
        const target = Buffer.concat([Buffer.from(`${dir}/`), Buffer.from("caf\xe9", "latin1")]);
        mkdirSync(target);
        symlinkSync(target, join(dir, "link"));
        const repo = createRepo(t, { "dir/a": "1\n" }, join(dir, "link/tree"));
        repo.write("dir/a", "2\n");
        repo.write("dir/new", "1\n");
        return join(repo.root, "dir");
      },
    },
    {
      name: "a repository inside another: each is a tree of its own",
      make: (t) => {
        const repo = startRepo(t);
        work(repo);
        createRepo(t, { inner: "1\n" }, join(repo.root, "nested")).write("inner", "2\n");
        createRepo(t, {}, join(repo.root, "untracked/unborn"));
        return repo.root;
      },
    },
    {
      name: "a bare repository",
      note: "a chat that is bound to it shows the working trees that git has made for it",
      make: (t) => {
        const dir = tempDir(t);
        git(dir, "init", "-q", "--bare");
        return dir;
      },
      refused: { code: "TW_BARE_REPOSITORY", words: "a bare repository has no working tree" },
    },
    {
      name: "a directory outside any repository",
      make: tempDir,
      refused: { code: "TW_NOT_A_REPOSITORY", words: "not a git repository" },
    },
    {
      name: "a `.git` file that leads nowhere",
      make: (t) => {
        const dir = tempDir(t);
        writeFileSync(join(dir, ".git"), "gitdir: /nowhere/at/all\n");
        return dir;
      },
      refused: { code: "TW_CORRUPT_REPOSITORY", words: "which does not exist" },
    },
    {
      name: "a repository of another user that is in `safe.directory`",
      userConfig: (t) => {
        const path = join(tempDir(t), "config");
        writeFileSync(path, "[safe]\n\tdirectory = *\n");
        return path;
      },
      make: (t) => {
        const repo = startRepo(t);
        work(repo);
        for (const path of [repo.root, join(repo.root, ".git")]) chownSync(path, 65_534, 65_534);
        return repo.root;
      },
      skip: process.geteuid?.() !== 0 && "only root can make one",
    },
    {
      name: "a repository of another user that is not in `safe.directory`",
      make: (t) => {
        const repo = startRepo(t);
        chownSync(join(repo.root, ".git"), 65_534, 65_534);
        return repo.root;
      },
      skip: process.geteuid?.() !== 0 && "only root can make one",
      refused: { code: "TW_UNTRUSTED_REPOSITORY", words: "belongs to another user" },
    },
  ],
};

export const HEADS: CaseGroup = {
  title: "HEAD, refs and formats",
  cases: [
    {
      name: "no commits yet",
      make: (t) => {
        const repo = createRepo(t);
        repo.write("staged", "1\n");
        repo.git("add", "staged");
        repo.write("untracked", "1\n");
        return repo.root;
      },
    },
    ...["merge", "rebase", "cherry-pick", "revert"].map((command) =>
      stored(`in the middle of a ${command}`, (repo) => {
        for (const [branch, text] of [
          ["side", "side\n"],
          ["main", "ours\n"],
        ] as const) {
          repo.git("checkout", "-q", ...(branch === "side" ? ["-b"] : []), branch);
          repo.write("same/kept", text);
          repo.commit(branch);
        }
        repo.write("same/kept", "later\n");
        repo.commit("later");
        gitFails(repo, command, command === "revert" ? "HEAD~1" : "side");
        if (command !== "merge") repo.write("same/kept", "settled\n");
      }),
    ),
    stored("in the middle of a bisection", (repo) => {
      for (const text of ["1\n", "2\n", "3\n"]) {
        repo.write("same/kept", text);
        repo.commit();
      }
      repo.git("bisect", "start", "HEAD", "HEAD~3");
    }),
    stored("an orphan branch", (repo) => void repo.git("checkout", "-q", "--orphan", "new")),
    stored("a detached HEAD", (repo) => void repo.git("checkout", "-q", "--detach")),
    stored("a branch that is a tag's", (repo) => {
      repo.git("tag", "-a", "-m", "tag", "v1");
      writeFileSync(join(repo.root, ".git/refs/heads/main"), `${repo.git("rev-parse", "v1")}\n`);
    }),
    stored("packed refs", (repo) => void repo.git("pack-refs", "--all")),
    stored(
      "a branch whose name is not ASCII, in directories",
      (repo) => void repo.git("checkout", "-q", "-b", "größe/ä"),
    ),
    stored("HEAD as a symbolic link, as git made it long ago", (repo) => {
      unlinkSync(join(repo.root, ".git/HEAD"));
      symlinkSync("refs/heads/main", join(repo.root, ".git/HEAD"));
    }),
    {
      name: "a shallow clone",
      make: (t) => {
        const origin = startRepo(t);
        origin.write("a.txt", "2\n");
        origin.commit("second");
        const root = join(tempDir(t), "clone");
        git(tempDir(t), "clone", "-q", "--depth=1", `file://${origin.root}`, root);
        work(new TestRepo(root));
        return root;
      },
    },
    {
      name: "a partial clone (`--filter=blob:none`)",
      note: "objects that were never fetched are not fetched",
      make: (t) => {
        const origin = startRepo(t);
        origin.git("config", "uploadpack.allowFilter", "true");
        const root = join(tempDir(t), "clone");
        git(tempDir(t), "clone", "-q", "--filter=blob:none", `file://${origin.root}`, root);
        work(new TestRepo(root));
        return root;
      },
    },
    {
      name: "a partial clone, and a file whose old content was never fetched",
      make: (t) => {
        const origin = startRepo(t);
        origin.git("config", "uploadpack.allowFilter", "true");
        const root = join(tempDir(t), "clone");
        git(tempDir(t), "clone", "-q", "--no-checkout", "--filter=blob:none", `file://${origin.root}`, root);
        git(root, "read-tree", "HEAD");
        new TestRepo(root).write("a.txt", "changed\n");
        return root;
      },
      refused: { code: "TW_NOT_FETCHED", words: "this partial clone has not fetched an object yet" },
    },
    {
      name: "SHA-256 objects",
      make: (t) => {
        const root = tempDir(t);
        git(root, "init", "-q", "-b", "main", "--object-format=sha256");
        const repo = createRepo(t, { "a.txt": lines(40), old: lines(20, "x"), gone: "1\n" }, root);
        repo.write("a.txt", lines(40).replace("line 9\n", ""));
        repo.git("mv", "old", "new");
        repo.remove("gone");
        repo.write("untracked", "1\n");
        return root;
      },
    },
    {
      name: "SHA-256 objects, packed, with a multi-pack-index and a split index",
      make: (t) => {
        const root = tempDir(t);
        git(root, "init", "-q", "-b", "main", "--object-format=sha256");
        const files = Array.from({ length: 30 }, (_, at): [string, string] => [`many/${at}`, lines(30, `file ${at}`)]);
        const repo = createRepo(t, Object.fromEntries(files), root);
        repo.git("repack", "-q");
        for (const [path, content] of files) repo.write(path, content.replace(" 7\n", " seven\n"));
        repo.commit();
        repo.git("repack", "-q");
        repo.git("multi-pack-index", "write");
        repo.git("update-index", "--split-index");
        for (const [path, content] of files) repo.write(path, content.replace(" 9\n", " nine\n"));
        repo.git("mv", "many/1", "moved");
        return root;
      },
    },
    {
      name: "reftable refs, with git 2.45 or later installed",
      make: (t) => {
        const root = tempDir(t);
        git(root, "init", "-q", "-b", "main", "--ref-format=reftable");
        const repo = createRepo(t, { "a.txt": lines(40) }, root);
        repo.write("a.txt", "changed\n");
        return root;
      },
      isTried: gitVersion() >= SINCE_REFTABLE,
    },
    {
      name: "reftable refs, with no git that reads them",
      make: (t) => withExtension(t, "extensions.refStorage", "reftable"),
      isTried: gitVersion() < SINCE_REFTABLE,
      refused: { code: "TW_UNSUPPORTED_REPOSITORY", words: "extensions.refStorage=reftable" },
    },
    {
      name: "a format that is yet to come",
      make: (t) => withExtension(t, "extensions.objectStorage", "tape"),
      refused: { code: "TW_UNSUPPORTED_REPOSITORY", words: "extensions.objectstorage=tape" },
    },
    {
      name: "HEAD's commit is missing",
      make: (t) => {
        const repo = startRepo(t);
        const commit = repo.git("rev-parse", "HEAD");
        rmSync(join(repo.root, ".git/objects", commit.slice(0, 2), commit.slice(2)));
        return repo.root;
      },
      refused: { code: "TW_CORRUPT_REPOSITORY", words: "missing from" },
    },
  ],
};

function withExtension(t: Cleanup, name: string, value: string): string {
  const repo = startRepo(t);
  repo.git("config", "core.repositoryFormatVersion", "1");
  repo.git("config", name, value);
  return repo.root;
}
