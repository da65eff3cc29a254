import { chmodSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { git, TestRepo } from "../support/repo.js";
import { tempDir } from "../support/temp.js";
import { type CaseGroup, gitFails, lines, startRepo, stored, work, worked } from "./case.js";

export const INDEXES: CaseGroup = {
  title: "The index",
  cases: [
    ...[2, 3, 4].map((version) =>
      stored(`version ${version}`, (repo) => {
        repo.git("update-index", "--index-version", String(version));
        if (version === 3) {
          repo.write("extended", "1\n");
          repo.git("add", "-N", "extended");
        }
      }),
    ),
    stored("a split index", (repo) => {
      repo.git("config", "splitIndex.maxPercentChange", "100");
      repo.git("update-index", "--split-index");
    }),
    stored("a sparse index", (repo) => void repo.git("sparse-checkout", "set", "--cone", "--sparse-index", "dir")),
    stored("no checksum (`index.skipHash`)", (repo) => {
      const path = join(repo.root, ".git/index");
      const bytes = readFileSync(path);
      bytes.fill(0, bytes.length - 20);
      writeFileSync(path, bytes);
    }),
    stored("an untracked cache and a watchman extension", (repo) => {
      repo.git("update-index", "--force-untracked-cache");
    }),
    worked("`git add -N`", {}, (repo) => {
      repo.write("later", lines(3));
      repo.write("empty", "");
      repo.git("add", "-N", "later", "empty");
      repo.git("rm", "-q", "--cached", "a.txt");
      repo.git("add", "-N", "a.txt");
    }),
    worked("`--assume-unchanged`", {}, (repo) => {
      repo.git("update-index", "--assume-unchanged", "a.txt", "stays");
      repo.write("a.txt", "changed\n");
      repo.remove("stays");
    }),
    worked("`--skip-worktree`", {}, (repo) => {
      repo.git("update-index", "--skip-worktree", "a.txt", "stays");
      repo.write("a.txt", "changed\n");
      repo.remove("stays");
    }),
    worked("a sparse checkout", {}, (repo) => {
      repo.git("sparse-checkout", "set", "--no-cone", "/*", "!/same/");
      work(repo);
    }),
    worked("a sparse checkout, and a file that is there all the same", {}, (repo) => {
      repo.git("sparse-checkout", "set", "--cone", "dir");
      repo.write("same/kept", "changed\n");
      repo.write("same/new", "untracked\n");
    }),
    worked("a sparse index, and a file that is there all the same", {}, (repo) => {
      repo.git("sparse-checkout", "set", "--cone", "--sparse-index", "dir");
      repo.write("same/kept", "changed\n");
    }),
    worked("unmerged: both modified", {}, (repo) => conflict(repo, "theirs\n", "ours\n")),
    worked("unmerged: deleted by us", {}, (repo) => conflict(repo, "theirs\n", undefined)),
    worked("unmerged: deleted by them", {}, (repo) => conflict(repo, undefined, "ours\n")),
    worked("unmerged: both added", {}, (repo) => conflict(repo, "theirs\n", "ours\n", "fresh")),
    worked("unmerged, and deleted since", {}, (repo) => {
      conflict(repo, "theirs\n", "ours\n");
      repo.remove("stays");
    }),
    worked("no index at all", {}, (repo) => repo.remove(".git/index")),
    worked("racily clean entries", {}, (repo) => {
      const times = new Date();
      repo.write("a.txt", lines(40).replace("line 0\n", "LINE 0\n"));
      repo.git("add", "a.txt");
      repo.write("a.txt", lines(40).replace("line 0\n", "LINE 1\n"));
      utimesSync(join(repo.root, "a.txt"), times, times);
      utimesSync(join(repo.root, ".git/index"), times, times);
    }),
    worked("touched files that are the same", {}, (repo) => {
      for (const path of ["a.txt", "stays"]) utimesSync(join(repo.root, path), 1e9, 1e9);
    }),
    worked("a damaged index", {}, (repo) => repo.write(".git/index", "DIRC, but nothing that follows makes sense"), {
      refused: { code: "TW_CORRUPT_REPOSITORY", words: ".git/index" },
    }),
  ],
};

/** Leaves a merge with a conflict. `undefined` deletes. */
function conflict(repo: TestRepo, theirs: string | undefined, ours: string | undefined, path = "stays"): void {
  const commit = (content: string | undefined): void => {
    if (content === undefined) repo.remove(path);
    else repo.write(path, content);
    repo.commit();
  };
  repo.git("checkout", "-q", "-b", "theirs");
  commit(theirs);
  repo.git("checkout", "-q", "main");
  commit(ours);
  gitFails(repo, "merge", "theirs");
}

export const OBJECTS: CaseGroup = {
  title: "Objects",
  cases: [
    stored("packed, with deltas", (repo) => {
      repo.write("a.txt", lines(40).replace("line 20\n", "line twenty\n"));
      repo.commit();
      repo.git("gc", "-q");
    }),
    stored("several packs and a multi-pack-index", (repo) => {
      for (let round = 0; round < 3; round += 1) {
        repo.write("a.txt", lines(40).replace(`line ${round}\n`, "other\n"));
        repo.commit();
        repo.git("repack", "-q");
      }
      repo.git("multi-pack-index", "write");
    }),
    stored("packed, with deltas that name their base by its id", (repo) => {
      repo.write("a.txt", lines(40).replace("line 20\n", "line twenty\n"));
      repo.commit();
      repo.git("-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq");
    }),
    stored("offsets of 64 bits in the pack index", (repo) => {
      repo.git("gc", "-q");
      const directory = join(repo.root, ".git/objects/pack");
      const pack = readdirSync(directory).find((name) => name.endsWith(".pack")) ?? "";
      rmSync(join(directory, pack.replace(/pack$/, "idx")));
      git(directory, "index-pack", "--index-version=2,0x40", pack);
    }),
    stored("a commit graph, bitmaps and a reverse index", (repo) => {
      repo.git("-c", "pack.writeReverseIndex=true", "repack", "-adbq");
      repo.git("commit-graph", "write", "--reachable");
    }),
    stored("objects that nobody refers to, set aside (`gc --cruft`)", (repo) => {
      repo.write("loose", "loose\n");
      repo.git("hash-object", "-w", "loose");
      repo.git("repack", "-q", "--cruft", "-d");
      repo.git("config", "core.multiPackIndex", "false");
    }),
    stored("a pack index of version 1", (repo) => void repo.git("-c", "pack.indexVersion=1", "repack", "-adfq")),
    {
      name: "borrowed from another repository (alternates)",
      make: (t) => {
        const root = join(tempDir(t), "clone");
        git(tempDir(t), "clone", "-q", "--shared", startRepo(t).root, root);
        work(new TestRepo(root));
        return root;
      },
    },
    worked("replaced objects (`git replace`)", {}, (repo) => {
      const stored = (content: string): string => {
        repo.write("other", content);
        return repo.git("hash-object", "-w", "other");
      };
      work(repo);
      repo.git("replace", repo.git("rev-parse", "HEAD:a.txt"), stored(lines(40).replace("line 30", "line thirty")));
      repo.git("replace", repo.git("rev-parse", "HEAD:same"), repo.git("rev-parse", "HEAD:dir"));
      repo.git("pack-refs", "--all");
      repo.git("replace", repo.git("rev-parse", "HEAD:dir/b.txt"), stored("b\n"));
      repo.remove("other");
    }),
    worked("a replaced commit, and `core.useReplaceRefs=false`", {}, (repo) => {
      const first = repo.git("rev-parse", "HEAD");
      repo.write("a.txt", "2\n");
      repo.commit();
      repo.git("replace", repo.git("rev-parse", "HEAD"), first);
      repo.git("config", "core.useReplaceRefs", "false");
      repo.write("stays", "2\n");
    }),
    worked("a replaced commit", {}, (repo) => {
      const first = repo.git("rev-parse", "HEAD");
      repo.write("a.txt", "2\n");
      repo.commit();
      repo.git("replace", repo.git("rev-parse", "HEAD"), first);
    }),
    worked(
      "a blob that is missing, of a file that changed",
      {},
      (repo) => {
        const blob = repo.git("rev-parse", "HEAD:a.txt");
        rmSync(join(repo.root, ".git/objects", blob.slice(0, 2), blob.slice(2)));
        repo.write("a.txt", "changed\n");
      },
      { refused: { code: "TW_CORRUPT_REPOSITORY", words: "missing from" } },
    ),
    worked(
      "a pack that is cut short",
      {},
      (repo) => {
        repo.git("gc", "-q");
        const directory = join(repo.root, ".git/objects/pack");
        const pack = join(directory, readdirSync(directory).find((name) => name.endsWith(".pack")) ?? "");
        chmodSync(pack, 0o644);
        writeFileSync(pack, readFileSync(pack).subarray(0, 40));
        repo.write("a.txt", "changed\n");
      },
      { refused: { code: "TW_CORRUPT_REPOSITORY", words: ".pack" } },
    ),
  ],
};
