import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { createRepo, expectedOf, type TestRepo } from "../support/repo.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { shown } from "./test-groups.js";

/** A repository with a change, below a directory of its own. */
function edited(t: Cleanup): TestRepo {
  const repo = createRepo(t, { a: "1\n", zz: "1\n" }, join(tempDir(t), "repo"));
  repo.write("a", "2\n");
  return repo;
}

/** Gives the entry of `zz` another path of two characters or more in an index of version 2. */
function renameInIndex(repo: TestRepo, path: string): void {
  const file = join(repo.root, ".git/index");
  const index = readFileSync(file);
  const second = 12 + 72; // behind the header, and the entry of `a`
  const fields = Buffer.from(index.subarray(second, second + 62));
  fields.writeUInt16BE(path.length, 60);
  fields.fill(0, 0, 16); // times: it is looked into
  const entry = Buffer.concat([fields, Buffer.from(path)]);
  const padded = Buffer.concat([entry, Buffer.alloc(8 - (entry.length % 8))]);
  const content = Buffer.concat([index.subarray(0, second), padded]);
  writeFileSync(file, Buffer.concat([content, createHash("sha1").update(content).digest()]));
}

t.test("an index that names files outside the tree, or the repository's own, gets none of them read", async (t) => {
  for (const path of ["../outside", "/etc/passwd", "dir/../../outside", ".git/config", ".GIT/config", "dir/./f"]) {
    const repo = edited(t);
    writeFileSync(join(repo.root, "../outside"), "secret\n");
    mkdirSync(join(repo.root, "dir"));
    repo.write("dir/f", "secret\n");
    renameInIndex(repo, path);
    const result = await shown(repo.root).then(
      ({ diff }) => diff,
      (error: unknown) => String(error),
    );
    t.notMatch(result, /^\+(secret|root:|\[core\])/m, path);
  }
});

t.test("files that include others over and over are refused before they are all read", async (t) => {
  const repo = edited(t);
  const gitDir = join(repo.root, ".git");
  for (let at = 0; at < 8; at += 1) {
    writeFileSync(join(gitDir, `c${at}`), `[include]\n\tpath = c${at + 1}\n`.repeat(10));
  }
  writeFileSync(join(gitDir, "c8"), "[a]\n\tb = c\n");
  const config = join(gitDir, "config");
  writeFileSync(config, `${readFileSync(config, "utf8")}[include]\n\tpath = c0\n`);
  await t.rejects(shown(repo.root), { code: "TW_BAD_GIT_CONFIG", message: /includes.*too much to read/ });
});

t.test(
  "ignore and attributes files over 100 MiB count for nothing, configuration of that size is refused",
  async (t) => {
    const repo = edited(t);
    for (const name of [".gitignore", ".gitattributes"]) {
      repo.write(name, "");
      repo.git("add", name);
      repo.git("commit", "-q", "-m", name);
    }
    const expected = expectedOf(repo.root).unified_diff.toString();
    const exclude = join(repo.root, ".git/info/exclude");
    const attributes = join(repo.root, ".git/info/attributes");
    for (const file of [exclude, attributes]) {
      writeFileSync(file, "");
      truncateSync(file, 600 * 2 ** 20);
    }
    t.equal((await shown(repo.root)).diff, expected);
    truncateSync(join(repo.root, ".gitignore"), 600 * 2 ** 20);
    t.match(
      (await shown(repo.root)).diff,
      /^diff --git a\/\.gitignore b\/\.gitignore$/m,
      "it is a file like any other",
    );

    const config = join(repo.root, ".git/config");
    truncateSync(config, 600 * 2 ** 20);
    await t.rejects(shown(repo.root), { code: "TW_BAD_GIT_CONFIG", message: /config: .*larger than 100 MiB/ });
  },
);

t.test("FIFOs and devices that a repository names as git's own files are not waited for", async (t) => {
  const repo = edited(t);
  const expected = expectedOf(repo.root).unified_diff.toString();
  const fifo = join(tempDir(t), "fifo");
  execFileSync("mkfifo", [fifo]);
  const git = join(repo.root, ".git");
  const config = readFileSync(join(git, "config"), "utf8");
  for (const place of [fifo, "/dev/zero", "/dev/full"]) {
    const core = `[core]\n\tattributesFile = ${place}\n\texcludesFile = ${place}\n`;
    const others = `[diff]\n\torderFile = ${place}\n[include]\n\tpath = ${place}\n`;
    writeFileSync(join(git, "config"), config + core + others);
    for (const name of ["info/attributes", "info/exclude", "config.worktree", "packed-refs", "shallow"]) {
      rmSync(join(git, name), { force: true });
      symlinkSync(place, join(git, name));
    }
    t.equal((await shown(repo.root)).diff, expected, place);
  }
});
