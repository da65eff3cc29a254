import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { MountTable } from "../../../src/worktree/watch/mount-table.js";
import { FakeClock } from "../../support/fake-clock.js";
import fc from "../../support/fast-check.js";
import { type Followed, follow, untilRight } from "../../support/followed.js";
import { mountBind, mountEmpty, NO_MOUNTS } from "../../support/mounts.js";
import { createRepo, type TestRepo } from "../../support/repo.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";

interface Mounted {
  repo: TestRepo;
  followed: Followed;
  clock: FakeClock;
  right: () => Promise<void>;
}

async function followMounts(
  t: Cleanup & Parameters<typeof follow>[0],
  files: Record<string, string>,
  root = tempDir(t),
): Promise<Mounted> {
  const repo = createRepo(t, files, root);
  const clock = new FakeClock();
  const followed = await follow(t, repo, { clock, mounts: new MountTable(clock) });
  return { repo, followed, clock, right: () => untilRight(followed, repo, { clock, allowedMs: 1000 }) };
}

t.test("a file system over a directory, and gone again", { skip: NO_MOUNTS }, async (t) => {
  for (const name of ["dir", "dir/sub", "d\tir \\ä"]) {
    const { repo, right } = await followMounts(t, {
      a: "a\n",
      "dir/b": "b\n",
      "dir/sub/c": "c\n",
      "d\tir \\ä/e": "e\n",
    });
    const unmount = mountEmpty(t, join(repo.root, name));
    await right();
    repo.write(`${name}/new`, "on the mounted file system\n");
    await right();
    unmount();
    await right();
    repo.write(`${name}/later`, "below again\n");
    await right();
  }
});

t.test("a directory and a file over others, that are written elsewhere", { skip: NO_MOUNTS }, async (t) => {
  const { repo, right } = await followMounts(t, { a: "a\n", "dir/b": "b\n", other: "o\n" });
  const outside = tempDir(t);
  mkdirSync(join(outside, "source"));
  writeFileSync(join(outside, "source/b"), "another\n");
  const unmountDirectory = mountBind(t, join(outside, "source"), join(repo.root, "dir"));
  await right();
  appendFileSync(join(outside, "source/b"), "more\n");
  await right();
  writeFileSync(join(outside, "file"), "a file\n");
  const unmountFile = mountBind(t, join(outside, "file"), join(repo.root, "a"));
  await right();
  appendFileSync(join(outside, "file"), "more\n");
  await right();
  unmountFile();
  unmountDirectory();
  await right();
  appendFileSync(join(repo.root, "a"), "itself\n");
  await right();
});

t.test("a tree in which something was mounted before it was followed", { skip: NO_MOUNTS }, async (t) => {
  const repo = createRepo(t, { a: "a\n", "dir/b": "b\n" });
  const outside = tempDir(t);
  writeFileSync(join(outside, "file"), "a file\n");
  mountBind(t, join(outside, "file"), join(repo.root, "a"));
  const clock = new FakeClock();
  const followed = await follow(t, repo, { clock, mounts: new MountTable(clock) });
  appendFileSync(join(outside, "file"), "more\n");
  await untilRight(followed, repo, { clock });
});

t.test("a file system over the root, over what is above it, and over .git", { skip: NO_MOUNTS }, async (t) => {
  const above = tempDir(t);
  const root = join(above, "at/root");
  const { repo, followed, clock, right } = await followMounts(t, { a: "a\n" }, root);
  for (const [at, place] of [root, join(above, "at"), join(root, ".git")].entries()) {
    const unmount = mountEmpty(t, place);
    const isSeen = (): boolean => followed.gone === at + 1 || followed.troubles.length > 0;
    await until(place, async () => {
      await clock.advance(10);
      return isSeen();
    });
    unmount();
    await right();
    repo.write("a", `${place} was covered\n`);
    await right();
  }
});

t.test("a file system that is there for less time than the table is read in", { skip: NO_MOUNTS }, async (t) => {
  const { repo, followed, right } = await followMounts(t, { a: "a\n", "dir/sub/c": "c\n" });
  const unmount = mountEmpty(t, join(repo.root, "dir/sub"));
  repo.write(".gitignore", "x\n"); // so that everything is listed
  await right();
  unmount();
  await right();
  followed.tracker.close();
});

t.test("a file system over what decides the diff, elsewhere", { skip: NO_MOUNTS }, async (t) => {
  const { repo, right } = await followMounts(t, { a: "a\n" });
  const outside = tempDir(t);
  writeFileSync(join(outside, "excludes"), "nothing\n");
  writeFileSync(join(outside, "others"), "*.log\n");
  repo.write("x.log", "x\n");
  repo.git("config", "core.excludesFile", join(outside, "excludes"));
  await right();
  const unmount = mountBind(t, join(outside, "others"), join(outside, "excludes"));
  await right();
  unmount();
  await right();
});

t.test("a file system over where a link to settings leads, and over a .git file", { skip: NO_MOUNTS }, async (t) => {
  const outside = tempDir(t);
  mkdirSync(join(outside, "home/dotfiles"), { recursive: true });
  mkdirSync(join(outside, "others/dotfiles"), { recursive: true });
  writeFileSync(join(outside, "home/dotfiles/excludes"), "nothing\n");
  writeFileSync(join(outside, "others/dotfiles/excludes"), "*.log\n");
  symlinkSync(join(outside, "home/dotfiles/excludes"), join(outside, "link"));
  const main = createRepo(t, { a: "a\n" });
  const linked = join(outside, "linked");
  main.git("worktree", "add", "-q", "--detach", linked);
  const { repo, followed, clock, right } = await followMounts(t, { b: "b\n" });
  repo.write("x.log", "x\n");
  repo.git("config", "core.excludesFile", join(outside, "link"));
  await right();
  const unmount = mountBind(t, join(outside, "others"), join(outside, "home"));
  await right();
  unmount();
  await right();
  followed.tracker.close();

  const tree = await follow(t, repo, { root: linked, clock, mounts: new MountTable(clock) });
  writeFileSync(join(outside, "nowhere"), "gitdir: /nowhere\n");
  mountBind(t, join(outside, "nowhere"), join(linked, ".git"));
  await until("the .git file that leads nowhere", async () => {
    await clock.advance(10);
    return tree.gone > 0 || tree.troubles.length > 0;
  });
});

t.test("mounts and writes at random", { skip: NO_MOUNTS }, async (t) => {
  const places = ["dir", "dir/sub", "ignored", "new"];
  const step = fc.record({ op: fc.constantFrom("mount", "unmount", "write"), place: fc.constantFrom(...places) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
      const files = { ".gitignore": "ignored/\n", a: "a\n", "dir/b": "b\n", "dir/sub/c": "c\n" };
      const { repo, followed, right } = await followMounts(t, files);
      const mounted = new Map<string, () => void>();
      let written = 0;
      for (const { op, place } of steps) {
        const path = join(repo.root, place);
        mkdirSync(path, { recursive: true });
        if (op === "write") writeFileSync(join(path, "w"), `${written++}\n`);
        else if (op === "unmount") mounted.get(place)?.();
        else if (!mounted.has(place)) mounted.set(place, mountEmpty(t, path));
        if (op === "unmount") mounted.delete(place);
        await right();
      }
      followed.tracker.close();
      for (const unmount of [...mounted.values()].reverse()) unmount();
    }),
    { numRuns: Number(process.env.ROUNDS ?? 8) },
  );
});
