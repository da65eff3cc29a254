import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { silentLogger } from "../../src/util/index.js";
import { findRepositories, resolveRoot, resolveWorktrees, scanOnce, TreeHost } from "../../src/worktree/index.js";
import { createRepo, expectedOf, git } from "../support/repo.js";
import { type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";

/** Follows a root by its name alone, within what is allowed. @returns the text of its state, as it is now */
function follow(t: Cleanup, root: string, allowed?: string[]): () => string | undefined {
  const host = new TreeHost({ logger: silentLogger(), sweep: false, ...(allowed !== undefined && { allowed }) });
  t.teardown(() => host.close());
  const tree = host.open(root);
  return () => tree.state?.files.map((file) => file.header + file.hunks).join("");
}

/** Waits until that is what git says of the tree, which changes no more. */
async function untilRight(what: string, text: () => string | undefined, root: string): Promise<void> {
  const expected = expectedOf(root).unified_diff.toString();
  await until(what, () => text() === expected, { seen: text });
}

t.test("a root that core.worktree has put elsewhere is scanned and followed by its own name", async (t) => {
  const repo = createRepo(t, { a: "1\n" });
  const elsewhere = tempDir(t);
  repo.git("config", "core.worktree", elsewhere);
  writeFileSync(join(elsewhere, "a"), "2\n");
  const root = await resolveRoot(repo.root);
  t.equal(root, elsewhere);
  t.equal((await scanOnce(root)).files.length, 1, "as `agent --once` reads it");
  const text = follow(t, root);
  await untilRight("the first state", text, repo.root);
  writeFileSync(join(elsewhere, "a"), "3\n");
  await untilRight("an edit", text, repo.root);
  repo.git("config", "--unset", "core.worktree");
  await until("its end", () => text() === undefined, { seen: text });
});

t.test("a root below a name that is not UTF-8 is followed by the link that led to it", async (t) => {
  const dir = tempDir(t);
  const target = Buffer.concat([Buffer.from(`${dir}/`), Buffer.from("caf\xe9", "latin1")]);
  mkdirSync(target);
  symlinkSync(target, join(dir, "link"));
  const repo = createRepo(t, { a: "1\n" }, join(dir, "link"));
  const root = await resolveRoot(join(dir, "link"));
  t.equal(root, join(dir, "link"));
  const text = follow(t, root);
  repo.write("a", "2\n");
  await untilRight("an edit", text, root);
  repo.commit("second");
  repo.write("new/b", "b\n");
  await untilRight("a commit and a new file", text, root);
});

t.test("a bare repository's working trees are listed, wherever they are, but none that is gone", async (t) => {
  const dir = tempDir(t);
  git(dir, "clone", "-q", "--bare", createRepo(t, { a: "1\n" }).root, "project/.bare");
  const project = join(dir, "project");
  const bare = join(project, ".bare");
  for (const [branch, at] of [
    ["one", join(project, "one")],
    ["two", join(dir, "beside")],
    ["three", join(project, "three")],
  ] as const) {
    git(bare, "worktree", "add", "-q", "-b", branch, at);
  }
  rmSync(join(project, "three"), { recursive: true });
  const roots = [join(dir, "beside"), join(project, "one")];
  t.same(await resolveWorktrees(bare), roots);
  t.same(await resolveWorktrees(join(bare, "refs")), roots);
  writeFileSync(join(project, ".git"), "gitdir: ./.bare\n");
  t.same(await resolveWorktrees(project), roots, "by a .git file that leads to it");
  t.same(await findRepositories(project), [join(project, "one")], "those below a directory are found there");
  renameSync(bare, join(project, "moved"));
  t.same(await resolveWorktrees(join(project, "moved")), [], "they don't know where it is now");
  t.same(await resolveWorktrees(join(dir, "nowhere")), []);
});

t.test("working trees of a bare repository that lead out of what may be shown are left out", async (t) => {
  const dir = tempDir(t);
  git(dir, "clone", "-q", "--bare", createRepo(t, { a: "1\n" }).root, "project/.bare");
  const project = join(dir, "project");
  const bare = join(project, ".bare");
  git(bare, "worktree", "add", "-q", "-b", "one", join(dir, "beside"));
  await t.rejects(resolveWorktrees(bare, [project]), { code: "TW_PATH_REFUSED", message: new RegExp(bare) });
  git(bare, "worktree", "add", "-q", "-b", "two", join(project, "two"));
  t.same(await resolveWorktrees(bare, [project]), [join(project, "two")]);
  t.same(await resolveWorktrees(bare, [project, join(dir, "beside")]), [join(dir, "beside"), join(project, "two")]);
  renameSync(join(project, "two"), join(dir, "moved"));
  symlinkSync(join(dir, "moved"), join(project, "two"));
  await t.rejects(resolveWorktrees(bare, [project]), { code: "TW_PATH_REFUSED" }, "by a link, too");
});

t.test("a root that core.worktree has put elsewhere is shown within what is allowed, and no further", async (t) => {
  const dir = tempDir(t);
  const repo = createRepo(t, { a: "1\n" }, join(dir, "in/repo"));
  const moveTo = (name: string): string => {
    const root = join(dir, name);
    mkdirSync(root, { recursive: true });
    writeFileSync(join(root, "a"), "2\n");
    repo.git("config", "core.worktree", root);
    return root;
  };
  const allowed = [join(dir, "in")];
  const root = moveTo("in/elsewhere");
  t.equal(await resolveRoot(repo.root, allowed), root);
  const text = follow(t, root, allowed);
  await untilRight("the first state", text, repo.root);
  writeFileSync(join(root, "a"), "3\n");
  await untilRight("an edit", text, repo.root);
  const secret = moveTo("out");
  await t.rejects(resolveRoot(repo.root, allowed), { code: "TW_PATH_REFUSED" });
  await t.rejects(resolveRoot(secret, allowed));
  await until("its end", () => text() === undefined, { seen: text });
});

t.test("a root that is known by a link alone is gone when the link is led out of what may be shown", async (t) => {
  const dir = tempDir(t);
  const unnamed = (above: string): Buffer => {
    mkdirSync(join(dir, above));
    const path = Buffer.concat([Buffer.from(`${join(dir, above)}/`), Buffer.from("caf\xe9", "latin1")]);
    mkdirSync(path);
    return path;
  };
  const [inside, outside] = [unnamed("in"), unnamed("out")];
  const link = join(dir, "in/link");
  symlinkSync(outside, link);
  createRepo(t, { a: "1\n" }, link).write("a", "secret\n");
  rmSync(link);
  symlinkSync(inside, link);
  const repo = createRepo(t, { a: "1\n" }, link);
  repo.write("a", "2\n");
  const allowed = [join(dir, "in")];
  const text = follow(t, await resolveRoot(link, allowed), allowed);
  const seen = new Set<string | undefined>();
  await untilRight("the first state", text, link);
  rmSync(link);
  symlinkSync(outside, link);
  await until("its end", () => seen.add(text()).has(undefined), { seen: text });
  t.notOk([...seen].some((state) => state?.includes("secret")));
});
