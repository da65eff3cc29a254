import { rmSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { openRepository } from "../../../src/git/index.js";
import { createRepo, GIT_ENV } from "../../support/repo.js";
import { listed, listedByGit } from "./listed.js";

t.test("a sparse index lists the files of the directories that it holds as one entry, as git does", async (t) => {
  const files: Record<string, string> = { top: "1\n", "kept/a": "2\n", "kept/deep/b": "3\n" };
  for (const directory of ["a", "left", "left/deep", "left/deep/deeper", "zé"]) {
    for (const name of ["f", "g-h", "ü"]) files[`${directory}/${name}`] = `${directory} ${name}\n`;
  }
  const repo = createRepo(t, files);
  repo.git("sparse-checkout", "set", "--cone", "--sparse-index", "kept");
  const held = listedByGit(repo.root, "--sparse");
  t.ok(
    held.length < Object.keys(files).length && held.some((line) => line.startsWith("040000 ")),
    "git made it sparse",
  );
  const index = openRepository(repo.root, GIT_ENV).index();
  t.same(listed(index), listedByGit(repo.root));
  const skipped = Array.from({ length: index.count }, (_, at) => at).filter((at) => index.skipWorktree(at));
  const marked = repo
    .git("ls-files", "-t", "-z")
    .split("\0")
    .filter((line) => line.startsWith("S "));
  t.same(
    skipped.map((at) => `S ${Buffer.from(index.path(at), "latin1")}`),
    marked,
    "and marks them skip-worktree",
  );

  const oid = repo.git("rev-parse", "HEAD:left/deep");
  rmSync(join(repo.root, ".git/objects", oid.slice(0, 2), oid.slice(2)));
  const damage = { code: "TW_CORRUPT_REPOSITORY", message: oid };
  t.throws(() => openRepository(repo.root, GIT_ENV).index(), damage, "a tree that is missing is named");
});
