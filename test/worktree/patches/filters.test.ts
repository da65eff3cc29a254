import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { type FilterPolicy, openRepository } from "../../../src/git/index.js";
import { type TreeFile, unifiedDiff } from "../../../src/protocol/index.js";
import { EMPTY_REQUEST } from "../../../src/worktree/patches/pass-request.js";
import { TreeDiff } from "../../../src/worktree/patches/tree-diff.js";
import { NO_COVERAGE } from "../../../src/worktree/scan/coverage.js";
import { scanOnce } from "../../../src/worktree/scan-once.js";
import { createRepo, expectedOf, type TestRepo } from "../../support/repo.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

/** Seconds since 1970: files of that time are older than any index, which then proves them unchanged. */
const LONG_AGO = 1_000_000_000;
const NOT_RUN = "Filter not run: up\n";
const lines = (count: number, word = "line") => Array.from({ length: count }, (_, at) => `${word} ${at}\n`).join("");

/** A tree with every kind of change to files that have a filter, of which no configuration says anything yet. */
function changed(t: Cleanup): TestRepo {
  const repo = createRepo(t, { ".gitattributes": "*.up filter=up\n", plain: "plain\n" });
  for (const name of ["changed", "same-size", "proven", "mode", "gone", "to-link"])
    repo.write(`${name}.up`, `${name}\n`);
  repo.write("moved.up", lines(40));
  repo.link("was-link.up", "nowhere");
  repo.touch("proven.up", LONG_AGO);
  repo.commit();
  repo.write("plain", "changed\n");
  repo.write("changed.up", "changed by much\n");
  repo.write("same-size.up", "SAME-SIZE\n");
  repo.write("mode.up", "changed mode\n");
  chmodSync(join(repo.root, "mode.up"), 0o755);
  repo.remove("gone.up");
  repo.remove("to-link.up");
  repo.link("to-link.up", "elsewhere");
  repo.remove("was-link.up");
  repo.write("was-link.up", "a file\n");
  repo.git("mv", "moved.up", "renamed.up");
  repo.write("renamed.up", `${lines(40)}more\n`);
  repo.write("added.up", "added\n");
  repo.git("add", "added.up");
  repo.write("added.up", "added, and changed\n");
  repo.write("intended.up", "intended\n");
  repo.git("add", "-N", "intended.up");
  repo.write("untracked.up", "untracked\n");
  repo.write("empty.up", "");
  return repo;
}

async function diffOf(t: Cleanup, root: string, filters: FilterPolicy, environment = process.env): Promise<TreeDiff> {
  const submodules = { state: async () => undefined };
  const diff = new TreeDiff(openRepository(root, environment, filters), NO_COVERAGE, submodules);
  t.teardown(() => diff.close());
  await diff.pass(EMPTY_REQUEST);
  if (diff.troubles.length > 0) throw new Error(diff.troubles.map(({ message }) => message).join("; "));
  return diff;
}

const expected = (repo: TestRepo, userConfig?: string) => expectedOf(repo.root, userConfig).unified_diff.toString();

/** What a diff says of each path; a change of kind has two patches. */
function byPath(diff: string): Record<string, string> {
  const patches: Record<string, string> = {};
  for (const patch of diff.split(/^(?=diff --git )/m)) {
    const path = /^diff --git a\/.* b\/(.*)$/m.exec(patch)?.[1];
    if (path !== undefined) patches[path] = (patches[path] ?? "") + patch;
  }
  return patches;
}

function modified(path: string, modes = ""): string {
  return `diff --git a/${path} b/${path}\n${modes}--- a/${path}\n+++ b/${path}\n${NOT_RUN}`;
}

function created(path: string): string {
  return `diff --git a/${path} b/${path}\nnew file mode 100644\n--- /dev/null\n+++ b/${path}\n${NOT_RUN}`;
}

/** A file that stands for the user's own configuration. */
function userConfig(t: Cleanup, text: string): { file: string; environment: NodeJS.ProcessEnv } {
  const file = join(tempDir(t), "gitconfig");
  writeFileSync(file, text);
  return { file, environment: { ...process.env, GIT_CONFIG_GLOBAL: file } };
}

for (const policy of ["user", "none"] as const) {
  t.test(`with ${policy}, a file behind the repository's own filter has its header, and nothing is run`, async (t) => {
    const repo = changed(t);
    const gits = byPath(expected(repo)); // by git without any filter: what has nothing to do with one
    const mark = join(tempDir(t), "mark");
    repo.git("config", "filter.up.clean", `touch ${mark}; tr a-z A-Z`);
    const { files } = await diffOf(t, repo.root, policy);
    const deletedLink = gits["was-link.up"]?.split(/^(?=diff)/m)[0];
    const movedOid = repo.git("rev-parse", "HEAD:moved.up");
    t.strictSame(byPath(unifiedDiff(files)), {
      plain: gits.plain,
      "added.up": created("added.up"),
      "changed.up": modified("changed.up"),
      "empty.up": created("empty.up"),
      "gone.up": gits["gone.up"],
      "intended.up": created("intended.up"),
      "mode.up": modified("mode.up", "old mode 100644\nnew mode 100755\n"),
      "moved.up":
        `diff --git a/moved.up b/moved.up\ndeleted file mode 100644\nindex ${movedOid}..${"0".repeat(40)}\n` +
        `--- a/moved.up\n+++ /dev/null\n@@ -1,40 +0,0 @@\n${lines(40, "-line")}`,
      "renamed.up": created("renamed.up"),
      "same-size.up": modified("same-size.up"),
      "to-link.up": gits["to-link.up"],
      "untracked.up": created("untracked.up"),
      "was-link.up": `${deletedLink}${created("was-link.up")}`,
    });
    t.notOk(existsSync(mark), "the command was not run");
    const counted = files.filter((file) => file.filter_not_run !== undefined && file.path !== "was-link.up");
    t.equal(counted.length, 8);
    t.strictSame(new Set(counted.map(({ additions, deletions }) => additions + deletions)), new Set([0]));
  });
}

t.test("with all, and with user where the user has configured the filter, the diff is git's", async (t) => {
  const repo = changed(t);
  const { file, environment } = userConfig(t, '[filter "up"]\n\tclean = tr a-z A-Z\n');
  const byUser = await diffOf(t, repo.root, "user", environment);
  t.equal(unifiedDiff(byUser.files), expected(repo, file));
  t.match(expected(repo, file), /^\+CHANGED BY MUCH$/m);
  repo.git("config", "filter.up.clean", "rev");
  const all = await diffOf(t, repo.root, "all");
  t.equal(unifiedDiff(all.files), expected(repo));
  t.match(expected(repo), /^\+hcum yb degnahc$/m);
});

t.test("the user's filter counts although the repository's configuration has another of its name", async (t) => {
  const repo = changed(t);
  const { file, environment } = userConfig(t, '[filter "up"]\n\tclean = tr a-z A-Z\n');
  const users = expected(repo, file);
  const mark = join(tempDir(t), "mark");
  for (const key of ["clean", "process"]) repo.git("config", `filter.up.${key}`, `touch ${mark}; cat`);
  repo.git("config", "filter.up.required", "true");
  const diff = await diffOf(t, repo.root, "user", environment);
  t.equal(unifiedDiff(diff.files), users);
  t.notOk(existsSync(mark));
});

t.test("a filter that is configured, or removed, is asked for all files anew", async (t) => {
  const repo = changed(t);
  const without = expected(repo);
  const definition = '[filter "up"]\n\tclean = tr a-z A-Z\n';
  const { file, environment } = userConfig(t, definition);
  const users = expected(repo, file);
  writeFileSync(file, "");
  const diff = await diffOf(t, repo.root, "user", environment);
  const configIsOutdated = { ...EMPTY_REQUEST, repository: new Set(["config"] as const) };
  const unknown = (files: readonly TreeFile[]) => files.filter(({ filter_not_run }) => filter_not_run !== undefined);
  t.equal(unifiedDiff(diff.files), without);
  repo.git("config", "filter.up.clean", "rev");
  await diff.pass(configIsOutdated);
  t.equal(unknown(diff.files).length, 9);
  writeFileSync(file, definition);
  await diff.pass(configIsOutdated);
  t.equal(unifiedDiff(diff.files), users);
  writeFileSync(file, "");
  repo.git("config", "--unset", "filter.up.clean");
  await diff.pass(configIsOutdated);
  t.equal(unifiedDiff(diff.files), without);
});

t.test("pointers of Git LFS are made without its program, whoever has configured it", async (t) => {
  const repo = createRepo(t, { ".gitattributes": "*.bin filter=lfs -text\n", plain: "1\n" });
  const content = "content\n".repeat(100);
  const pointerOf = async (text: string): Promise<string> => {
    const digest = await crypto.subtle.digest("SHA-256", Buffer.from(text));
    const oid = Buffer.from(digest).toString("hex");
    return `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${text.length}\n`;
  };
  for (const name of ["same.bin", "other.bin"]) repo.write(name, await pointerOf(content));
  repo.commit();
  repo.write("same.bin", content); // as after a checkout with git-lfs
  repo.write("other.bin", `${content}more\n`);
  repo.git("config", "filter.lfs.process", "git-lfs filter-process");
  repo.git("config", "filter.lfs.required", "true");
  for (const policy of ["user", "none", "all"] as const) {
    const { files } = await diffOf(t, repo.root, policy);
    t.strictSame(
      files.map(({ path }) => path),
      ["other.bin"],
      policy,
    );
    t.match(unifiedDiff(files), /^\+size 805$/m);
  }
  const mark = join(tempDir(t), "mark");
  repo.git("config", "filter.lfs.process", `git-lfs filter-process; touch ${mark}`);
  const { files } = await diffOf(t, repo.root, "user");
  t.strictSame(
    files.map(({ path, filter_not_run }) => [path, filter_not_run]),
    [
      ["other.bin", "lfs"],
      ["same.bin", "lfs"],
    ],
    "another command of that name is not run",
  );
  t.notOk(existsSync(mark));
});

t.test("a submodule of which it is not known whether it is dirty is shown so", async (t) => {
  const inner = createRepo(t, { ".gitattributes": "*.up filter=up\n", "a.up": "A\n", b: "1\n" });
  const repo = createRepo(t, { plain: "1\n" });
  repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.root, "sub");
  repo.commit();
  const mark = join(tempDir(t), "mark");
  const configure = (...args: string[]) => repo.git("-C", "sub", "config", ...args);
  configure("filter.up.clean", `touch ${mark}; tr a-z A-Z`);
  repo.write("sub/a.up", "A\n"); // touched: what it is now only the filter can tell
  repo.touch("sub/a.up", LONG_AGO);
  const { files } = await scanOnce(repo.root, { filters: "user" });
  t.equal(unifiedDiff(files), `diff --git a/sub b/sub\n--- a/sub\n+++ b/sub\n${NOT_RUN}`);
  t.notOk(existsSync(mark));
  t.strictSame((await scanOnce(repo.root, { filters: "all" })).files, [], "it is not dirty");
  t.ok(existsSync(mark));
  repo.write("sub/b", "2\n");
  const dirty = await scanOnce(repo.root, { filters: "user" });
  t.equal(unifiedDiff(dirty.files), expected(repo), "with another file changed it is dirty, whatever the filter says");
  repo.git("config", "submodule.sub.ignore", "dirty");
  t.strictSame(
    (await scanOnce(repo.root, { filters: "user" })).files,
    [],
    "where that does not count, it is not shown",
  );
});
