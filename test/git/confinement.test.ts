import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t, { type Test } from "tap";
import { isAtOrBelow, openRepository, realPathOf } from "../../src/git/index.js";
import { TreewireError } from "../../src/util/index.js";
import fc from "../support/fast-check.js";
import { createRepo, GIT_ENV, git } from "../support/repo.js";
import { tempDir } from "../support/temp.js";

/** `in` is allowed; `out` has a repository with a commit that must not be seen, and a linked working tree of it is in `in`. */
function world(t: Test) {
  const base = tempDir(t);
  const inside = join(base, "in");
  mkdirSync(inside);
  const secret = createRepo(t, { secret: "1\n" }, join(base, "out/secret"));
  const own = createRepo(t, { own: "1\n" }, join(inside, "own"));
  git(secret.root, "worktree", "add", "-q", "--detach", join(inside, "linked"));
  return { base, inside, secret, own, linked: join(inside, "linked") };
}

function open(path: string, ...allowed: string[]) {
  try {
    return openRepository(path, process.env, "none", allowed);
  } catch (error) {
    if (error instanceof TreewireError) return error.code;
    throw error;
  }
}

function rootOf(path: string, ...allowed: string[]): string {
  const opened = open(path, ...allowed);
  return typeof opened === "string" ? opened : opened.root;
}

const REFUSED = "TW_PATH_REFUSED";

t.test("what is at or below an allowed directory is opened, and the tree that it is in", async (t) => {
  const { base, inside, secret, own, linked } = world(t);
  t.equal(rootOf(own.root, inside), own.root);
  t.equal(rootOf(own.root, "/"), own.root);
  t.equal(rootOf(linked, inside), linked, "its git directory is outside, and names it");
  mkdirSync(join(own.root, "sub"));
  t.equal(rootOf(own.root, join(own.root, "sub")), own.root, "searched upward");
  t.equal(rootOf(own.root, join(own.root, "later/dir")), own.root, "from what is not there as well");
  t.equal(rootOf(secret.root, inside), REFUSED);
  t.equal(rootOf(secret.root, `${secret.root}x`, dirname(secret.root).slice(0, -1)), REFUSED, "a prefix is no parent");
  const outer = createRepo(t, { a: "1\n" }, join(base, "outer"));
  const inner = createRepo(t, { a: "1\n" }, join(outer.root, "inner"));
  t.equal(rootOf(outer.root, inner.root), REFUSED, "another tree is found from there first");
});

t.test("what leads elsewhere by a link, a .git file or a setting is refused", async (t) => {
  const { base, inside, secret, own, linked } = world(t);
  const at = (name: string) => join(inside, name);
  symlinkSync(secret.root, at("link"));
  t.equal(rootOf(at("link"), inside), REFUSED);
  t.equal(rootOf(at("link/secret"), inside), REFUSED);

  const outGit = join(secret.root, ".git");
  for (const [name, gitDir] of [
    ["file", outGit],
    ["stolen", join(outGit, "worktrees/linked")],
  ] as const) {
    mkdirSync(at(name));
    writeFileSync(join(at(name), ".git"), `gitdir: ${gitDir}\n`);
    t.equal(rootOf(at(name), inside), REFUSED, `${name}: that git directory is of another tree`);
    t.equal(rootOf(at(name), inside, outGit), at(name), "unless it is allowed");
  }
  mkdirSync(at("dotgit"));
  symlinkSync(outGit, join(at("dotgit"), ".git"));
  t.equal(rootOf(at("dotgit"), inside), REFUSED);

  const moved = createRepo(t, { a: "1\n" }, at("moved"));
  for (const elsewhere of [secret.root, "/", base]) {
    moved.git("config", "core.worktree", elsewhere);
    t.equal(rootOf(moved.root, inside), REFUSED, elsewhere);
    t.equal(rootOf(moved.root, moved.root), REFUSED, "for an allowed directory itself as well");
  }
  moved.git("config", "core.worktree", own.root);
  t.equal(rootOf(moved.root, inside), own.root, "another place inside is inside");

  for (const part of ["refs", "packed-refs", "HEAD", "index", "objects", "refs/heads/main"]) {
    const name = part.replaceAll("/", "-");
    const taken = createRepo(t, { a: "1\n" }, at(name));
    taken.git("symbolic-ref", "HEAD", "refs/heads/main");
    rmSync(join(taken.root, ".git", part), { recursive: true, force: true });
    symlinkSync(join(outGit, part), join(taken.root, ".git", part));
    t.equal(rootOf(taken.root, inside), REFUSED, part);
  }
  const chained = createRepo(t, { a: "1\n" }, at("chained"));
  chained.git("symbolic-ref", "HEAD", "refs/heads/alias");
  for (const end of [Buffer.from("end"), Buffer.from("caf\xe9", "latin1")]) {
    const refs = Buffer.from(join(chained.root, ".git/refs/heads/"));
    writeFileSync(join(chained.root, ".git/refs/heads/alias"), Buffer.concat([Buffer.from("ref: refs/heads/"), end]));
    t.equal(rootOf(chained.root, inside), chained.root, "a chain of refs of its own");
    symlinkSync(join(outGit, "refs/heads/main"), Buffer.concat([refs, end]));
    t.equal(rootOf(chained.root, inside), REFUSED, "a chain of refs that ends elsewhere");
  }
  const common = createRepo(t, { a: "1\n" }, at("common"));
  writeFileSync(join(common.root, ".git/commondir"), outGit);
  t.equal(rootOf(common.root, inside), REFUSED);

  t.test("and so is what was fine when it was opened before", async (t) => {
    renameSync(linked, `${linked}-away`);
    symlinkSync(secret.root, linked);
    t.equal(rootOf(linked, inside), REFUSED);
    writeFileSync(join(`${linked}-away`, ".git"), `gitdir: ${outGit}\n`);
    t.equal(rootOf(`${linked}-away`, inside), REFUSED);
  });
});

t.test("a link to a directory whose name is no text is judged by where it leads", async (t) => {
  const { base, inside } = world(t);
  const link = join(inside, "link");
  const unnamed = (above: string) => Buffer.concat([Buffer.from(`${above}/`), Buffer.from("caf\xe9", "latin1")]);
  for (const above of [inside, join(base, "out")]) mkdirSync(unnamed(above));
  symlinkSync(unnamed(inside), link);
  const repo = createRepo(t, { a: "1\n" }, join(link, "repo"));
  t.equal(rootOf(repo.root, inside), repo.root, "to one that is inside");
  renameSync(join(link, "repo/.git/HEAD"), join(base, "out/HEAD"));
  symlinkSync(join(base, "out/HEAD"), join(link, "repo/.git/HEAD"));
  t.equal(rootOf(repo.root, inside), REFUSED, "what is in it leads elsewhere");
  rmSync(link);
  symlinkSync(unnamed(join(base, "out")), link);
  createRepo(t, { a: "1\n" }, join(link, "repo"));
  t.equal(rootOf(join(link, "repo"), inside), REFUSED, "to one that is outside");
  t.equal(rootOf(join(link, "repo"), inside, join(link, "repo")), REFUSED, "under a name that is inside");
  const moved = createRepo(t, { a: "1\n" }, join(inside, "moved"));
  moved.git("config", "core.worktree", link);
  t.equal(rootOf(moved.root, inside), REFUSED, "as the working tree of a repository that is inside");
});

t.test("submodules are followed within their tree, and refused where they lead out of it", async (t) => {
  const { base, secret } = world(t);
  const source = createRepo(t, { a: "1\n" }, join(base, "out/source"));
  const main = createRepo(t, { a: "1\n" }, join(base, "main"));
  main.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", source.root, "sub");
  const opened = open(main.root, main.root);
  if (typeof opened === "string") throw new Error(opened);
  t.equal(opened.submoduleHead("sub"), source.git("rev-parse", "HEAD").toString().trim());
  t.equal(rootOf(join(main.root, "sub"), main.root), join(main.root, "sub"));
  writeFileSync(join(main.root, "sub/.git"), `gitdir: ${join(secret.root, ".git")}\n`);
  t.throws(() => opened.submoduleHead("sub"), { code: REFUSED });
});

t.test("a path leads to the same whether what it names exists or not", async (t) => {
  const dir = tempDir(t);
  symlinkSync("/nowhere/at/all", join(dir, "dangling"));
  symlinkSync("loop", join(dir, "loop"));
  symlinkSync("..", join(dir, "up"));
  t.equal(realPathOf(join(dir, "dangling/x")), "/nowhere/at/all/x");
  t.equal(realPathOf(join(dir, "loop/x")), join(dir, "loop/x"));
  t.equal(realPathOf(`${dir}/up/`), dirname(dir));
  t.equal(realPathOf(`${dir}//x/../../y`), join(dirname(dir), "y"));
  t.equal(realPathOf(join(dir, "x".repeat(5_000))), join(dir, "x".repeat(5_000)));
});

// ── drawn at random ──

const place = fc.constantFrom("a", "b", "a/c", "b/d/e");
const target = fc.oneof(
  place.map((path) => ({ path })),
  fc.constantFrom("secret", "secret/.git", "secret/.git/worktrees/linked", ".").map((out) => ({ out })),
);
const step = fc.record({
  kind: fc.constantFrom("repo", "worktree", "gitFile", "gitLink", "link", "coreWorktree", "commonDir", "refsLink"),
  at: place,
  to: target,
});

t.test("whatever stands below, no tree and no commit from outside is opened", async (t) => {
  const { base, inside, secret } = world(t);
  const hidden = secret.git("rev-parse", "HEAD").toString().trim();
  let runs = 0;
  let openedInside = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 2, maxLength: 7 }), place, (steps, allowedAt) => {
      const top = join(inside, `run-${runs++}`);
      const rightful = new Set<string>();
      for (const { kind, at, to } of steps) {
        const path = join(top, at);
        const leads = "path" in to ? join(top, to.path) : join(base, "out", to.out);
        attempt(() => {
          mkdirSync(kind === "link" ? dirname(path) : path, { recursive: true });
          if (kind === "repo") createRepo(t, { a: "1\n" }, path);
          else if (kind === "worktree") {
            git(secret.root, "worktree", "add", "-q", "--detach", join(path, "linked"));
            rightful.add(realpathSync(join(path, "linked")));
          } else if (kind === "gitFile") writeFileSync(join(path, ".git"), `gitdir: ${leads}\n`, { flag: "wx" });
          else if (kind === "gitLink") symlinkSync(leads, join(path, ".git"));
          else if (kind === "link") symlinkSync(leads, path);
          else if (kind === "coreWorktree") git(path, "config", "core.worktree", leads);
          else if (kind === "commonDir") writeFileSync(join(path, ".git/commondir"), leads);
          else {
            rmSync(join(path, ".git/refs"), { recursive: true });
            symlinkSync(join(leads, "refs"), join(path, ".git/refs"));
          }
        });
      }
      for (const allowed of [top, join(top, allowedAt)]) {
        const real = realPathOf(allowed);
        if (!isAtOrBelow(real, top)) continue; // it is outside itself
        for (const at of ["", "a", "b", "a/c", "b/d/e", "a/linked", "b/linked", "a/x", "b/d"]) {
          const opened = open(join(top, at), real);
          if (typeof opened === "string") continue;
          const shown = topLevel(join(top, at));
          if (shown !== undefined && shown !== opened.root) throw new Error(`git shows ${shown}, not ${opened.root}`);
          const enclosing = topLevel(allowed) === opened.root && isAtOrBelow(real, opened.root);
          if (!isAtOrBelow(opened.root, real) && !enclosing) throw new Error(`${opened.root} for ${real}`);
          if (!isAtOrBelow(opened.root, inside)) throw new Error(`${opened.root} is outside`);
          if (!rightful.has(opened.root) && commitOf(opened) === hidden) throw new Error(`${at} shows what is hidden`);
          openedInside += 1;
        }
      }
    }),
    { numRuns: 40 },
  );
  t.ok(openedInside > 20, "and what is inside is");
});

function attempt(job: () => void): void {
  try {
    job();
  } catch {
    // what one step has made may be in another one's way
  }
}

function commitOf(repository: { head(): { commit: string | undefined } }): string | undefined {
  try {
    return repository.head().commit;
  } catch {
    return undefined; // nothing to show
  }
}

/** Git's own word, of the nearest directory that is there. `undefined`: it takes it for no working tree. */
function topLevel(path: string): string | undefined {
  if (!existsSync(path)) return topLevel(dirname(path));
  const { status, stdout } = spawnSync("git", ["rev-parse", "--show-toplevel"], { cwd: path, env: GIT_ENV });
  return status === 0 ? realpathSync(stdout.toString().slice(0, -1)) : undefined;
}
