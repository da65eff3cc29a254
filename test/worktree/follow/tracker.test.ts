import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { follow, textOf, untilRight } from "../../support/followed.js";
import { createRepo, expectedOf, type TestRepo } from "../../support/repo.js";
import { tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";

t.test("an edit, a new file and a deletion arrive by themselves", async (t) => {
  const repo = createRepo(t, { "a.txt": "1\n2\n", "src/b.txt": "b\n" });
  const followed = await follow(t, repo);
  t.strictSame(followed.tracker.state?.files, []);
  repo.write("a.txt", "1\n2\n3\n");
  await untilRight(followed, repo);
  repo.write("src/new.txt", "new\n");
  repo.remove("src/b.txt");
  await untilRight(followed, repo);
  t.equal(followed.tracker.state?.files.length, 3);
});

t.test("files that did not change are the same objects in the next state", async (t) => {
  const repo = createRepo(t, { a: "a\n", b: "b\n" });
  const followed = await follow(t, repo);
  repo.write("a", "A\n");
  await untilRight(followed, repo);
  const before = followed.tracker.state?.files[0];
  repo.write("b", "B\n");
  await untilRight(followed, repo);
  t.equal(followed.tracker.state?.files[0], before);
});

t.test("what a recursive watcher is blind to", async (t) => {
  const repo = createRepo(t, { "dir/sub/f": "1\n" });
  const outside = tempDir(t);
  const followed = await follow(t, repo);

  await t.test("a file in a directory that was made the moment before", async () => {
    for (let at = 0; at < 20; at++) {
      mkdirSync(join(repo.root, `made${at}/deep/er`), { recursive: true });
      writeFileSync(join(repo.root, `made${at}/deep/er/file`), "x\n");
    }
    await untilRight(followed, repo);
    repo.write("made7/deep/er/later", "later\n");
    await untilRight(followed, repo);
  });

  await t.test("a directory that was moved in, with writes into it afterwards", async () => {
    mkdirSync(join(outside, "in/deep"), { recursive: true });
    writeFileSync(join(outside, "in/deep/f"), "f\n");
    renameSync(join(outside, "in"), join(repo.root, "in"));
    await untilRight(followed, repo);
    repo.write("in/deep/g", "g\n");
    await untilRight(followed, repo);
  });

  await t.test("a directory that was renamed, with writes under the new name", async () => {
    renameSync(join(repo.root, "dir"), join(repo.root, "renamed"));
    await untilRight(followed, repo);
    repo.write("renamed/sub/f", "2\n");
    await untilRight(followed, repo);
  });

  await t.test("a directory in the place of another that was deleted", async () => {
    rmSync(join(repo.root, "renamed"), { recursive: true });
    mkdirSync(join(repo.root, "renamed"));
    repo.write("renamed/again", "1\n");
    await untilRight(followed, repo);
    repo.write("renamed/again", "2\n");
    await untilRight(followed, repo);
  });
});

t.test("git commands: add, commit, checkout, stash, reset", async (t) => {
  const repo = createRepo(t, { a: "a\n", "d/b": "b\n" });
  const followed = await follow(t, repo);
  const steps: (() => unknown)[] = [
    () => repo.write("a", "changed\n"),
    () => repo.git("add", "-A"),
    () => repo.git("stash", "-q"),
    () => repo.git("stash", "pop", "-q"),
    () => repo.commit("second"),
    () => repo.git("checkout", "-q", "-b", "topic/one", "HEAD~1"),
    () => repo.git("rm", "-q", "--cached", "d/b"),
    () => repo.git("reset", "-q", "--hard"),
    () => repo.git("mv", "a", "renamed"),
    () => repo.git("pack-refs", "--all"),
  ];
  for (const step of steps) {
    step();
    await untilRight(followed, repo);
  }
  t.equal(followed.tracker.state?.branch, "topic/one");
});

t.test("ignore and attribute files count the moment they are written", async (t) => {
  const repo = createRepo(t, { "a.txt": "a\n", "sub/keep": "k\n" });
  repo.write("sub/x.log", "x\n");
  repo.write("node_modules/m/index.js", "m\n");
  const followed = await follow(t, repo);
  for (const step of [
    () => repo.write(".gitignore", "node_modules/\n"),
    () => repo.write("sub/.gitignore", "*.log\n"),
    () => repo.write("node_modules/m/more.js", "m\n"),
    () => repo.remove(".gitignore"),
    () => repo.write("a.txt", "b\n"),
    () => repo.write(".gitattributes", "*.txt binary\n"),
    () => repo.remove(".gitattributes"),
    () => repo.write(".git/info/exclude", "*.js\n"),
  ]) {
    step();
    await untilRight(followed, repo);
  }
});

t.test("settings and replaced objects count the moment they are written", async (t) => {
  const lines = Array.from({ length: 30 }, (_, at) => `${at % 10 === 0 ? "head" : " line"} ${at}\n`);
  const text = lines.join("");
  const repo = createRepo(t, { ".gitattributes": "*.own diff=own\n", "a.own": text, "b.own": text, moved: text });
  repo.write("a.own", text.replace("line 17", "LINE 17"));
  repo.write("b.own", text.replace("line 17", "line seventeen").replaceAll("\n", "\r\n"));
  repo.git("mv", "moved", "new");
  repo.write("new", `${text}more\n`);
  repo.write("A.OWN", "1\n");
  const followed = await follow(t, repo);
  for (const step of [
    () => repo.git("config", "diff.own.xfuncname", "^ line 1[0-9]"),
    () => repo.git("config", "diff.own.xfuncname", "^head (.*)"),
    () => repo.git("config", "core.autocrlf", "true"),
    () => repo.git("config", "core.bigFileThreshold", "50"),
    () => repo.git("config", "--unset", "core.bigFileThreshold"),
    () => repo.git("config", "core.ignoreCase", "true"),
    () => repo.write(".git/order", "new\n"),
    () => repo.git("config", "diff.orderFile", ".git/order"),
    () => repo.write(".git/order", "b*\nnew\n"),
    () => repo.git("config", "--unset", "diff.orderFile"),
    () => repo.write(".git/more-ignored", "x\n"),
    () => repo.git("config", "core.excludesFile", ".git/more-ignored"),
    () => repo.write("x.extra", "1\n"),
    () => repo.write(".git/more-ignored", "*.extra\n"),
    () => repo.git("replace", repo.git("rev-parse", "HEAD^{tree}"), repo.git("write-tree")),
  ]) {
    step();
    await untilRight(followed, repo);
  }
});

t.test("a nested repository is a tree of its own for as long as it is one", async (t) => {
  const repo = createRepo(t, { a: "a\n" });
  const followed = await follow(t, repo);
  const nested = createRepo(t, { inner: "1\n" }, join(repo.root, "nested"));
  await untilRight(followed, repo);
  nested.write("inner", "2\n");
  rmSync(join(nested.root, ".git"), { recursive: true });
  await untilRight(followed, repo);
  t.match(textOf(followed.tracker.state), "b/nested/inner");
});

t.test("a submodule is dirty while its files differ from its commit", async (t) => {
  const repo = createRepo(t, { a: "a\n" });
  const library = createRepo(t, { lib: "1\n" });
  repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", library.root, "lib");
  repo.commit("submodule");
  const followed = await follow(t, repo);
  repo.write("lib/lib", "2\n");
  await untilRight(followed, repo);
  t.match(textOf(followed.tracker.state), "-dirty");
  repo.git("-C", "lib", "commit", "-qam", "inside");
  await untilRight(followed, repo);
  repo.git("-C", "lib", "reset", "-q", "--hard", "HEAD~1");
  await untilRight(followed, repo);
  t.equal(textOf(followed.tracker.state), "");
});

t.test("a root that vanishes is gone, and is followed again when it returns", async (t) => {
  const repo = createRepo(t, { a: "a\n" }, join(tempDir(t), "work"));
  repo.write("a", "b\n");
  const followed = await follow(t, repo);
  const aside = `${repo.root}-aside`;
  renameSync(repo.root, aside);
  await until("gone", () => followed.gone === 1);
  t.equal(followed.tracker.state, undefined);
  renameSync(aside, repo.root);
  await untilRight(followed, repo);
  rmSync(join(repo.root, ".git"), { recursive: true });
  await until("gone without .git", () => followed.gone === 2);
  repo.git("init", "-q");
  await untilRight(followed, repo);
  repo.write("a", "c\n");
  await untilRight(followed, repo);
});

t.test("a repository that is opened anew between two states goes on from the first", async (t) => {
  const repo = createRepo(t, { a: "a\n", b: "b\n" });
  repo.write("a", "A\n");
  const followed = await follow(t, repo);
  for (const [from, to] of [
    [".git", "aside"],
    ["aside", ".git"],
  ] as const) {
    repo.move(from, to);
  }
  repo.write("b", "B\n");
  await untilRight(followed, repo);
  t.strictSame([followed.gone, followed.states.length], [0, 2]);
});

t.test("an untracked link to a directory is left out, as git does, until it leads elsewhere", async (t) => {
  const repo = createRepo(t, { a: "a\n" });
  const followed = await follow(t, repo);
  symlinkSync("target", join(repo.root, "link"));
  await untilRight(followed, repo);
  mkdirSync(join(repo.root, "target"));
  await untilRight(followed, repo);
  rmSync(join(repo.root, "target"), { recursive: true });
  await untilRight(followed, repo);
  t.match(textOf(followed.tracker.state), "b/link");
});

t.test("what a sparse checkout left out counts as deleted while a link leads to files of its names", async (t) => {
  const repo = createRepo(t, { "docs/a": "a\n", "docs/b": "b\n", "lib/b": "other\n" });
  repo.git("sparse-checkout", "set", "--no-cone", "/*", "!docs");
  const followed = await follow(t, repo);
  t.strictSame(followed.tracker.state?.files, []);
  repo.link("docs", "lib");
  await untilRight(followed, repo);
  t.match(textOf(followed.tracker.state), /--- a\/docs\/b\n\+\+\+ \/dev\/null/);
  repo.write("lib/a", "new\n");
  await untilRight(followed, repo);
  t.match(textOf(followed.tracker.state), /--- a\/docs\/a\n\+\+\+ \/dev\/null/);
  repo.remove("lib/b");
  await untilRight(followed, repo);
});

t.test("a first look finds what leaves the number of names in a directory as it was", async (t) => {
  const changes: readonly [string, (repo: TestRepo) => void][] = [
    ["a file for another", (repo) => renameSync(join(repo.root, "dir/a"), join(repo.root, "dir/z"))],
    [
      "an untracked directory for a tracked file",
      (repo) => {
        repo.remove("dir/a");
        repo.write("dir/x/y", "y\n");
      },
    ],
    [
      "a file for a directory",
      (repo) => {
        repo.remove("dir/sub");
        repo.write("dir/sub", "now a file\n");
      },
    ],
    [
      "a link for a directory",
      (repo) => {
        renameSync(join(repo.root, "dir/sub"), join(repo.root, "dir/elsewhere"));
        repo.link("dir/sub", "elsewhere");
        repo.remove("dir/a");
      },
    ],
    [
      "a directory for a file",
      (repo) => {
        repo.remove("dir/a");
        repo.write("dir/a/b", "b\n");
      },
    ],
    [
      "a file for a name that the index has in three stages",
      (repo) => {
        repo.git("checkout", "-q", "-b", "side");
        repo.write("dir/a", "side\n");
        repo.commit();
        repo.git("checkout", "-q", "main");
        repo.write("dir/a", "main\n");
        repo.commit();
        t.throws(() => repo.git("merge", "-q", "side"));
        repo.remove("dir/a");
        repo.write("dir/new", "new\n");
      },
    ],
    [
      "an ignored file for a tracked one",
      (repo) => {
        repo.write(".git/info/exclude", "*.o\n");
        repo.remove("dir/a");
        repo.write("dir/a.o", "o\n");
      },
    ],
  ];
  for (const [what, change] of changes) {
    const repo = createRepo(t, {
      "dir/a": "a\n",
      "dir/b": "b\n",
      "dir/sub/c": "c\n",
      "dir/sub/deep/d": "d\n",
      e: "e\n",
    });
    change(repo);
    const { tracker } = await follow(t, repo);
    t.equal(textOf(tracker.state), expectedOf(repo.root).unified_diff.toString(), what);
  }
});

t.test("a checkout of many files is one frame", async (t) => {
  const files = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`d${at % 10}/f${at}`, `${at}\n`]));
  const repo = createRepo(t, files);
  repo.git("checkout", "-q", "-b", "other");
  for (const path of Object.keys(files)) repo.write(path, "other\n");
  repo.commit("other");
  const followed = await follow(t, repo);
  const before = followed.states.length;
  repo.git("checkout", "-q", "main");
  await until("the branch", () => followed.tracker.state?.branch === "main");
  await untilRight(followed, repo);
  t.equal(followed.states.length - before, 1);
});

t.test("a change that no event told of is healed by a refresh", async (t) => {
  const repo = createRepo(t, { a: "a\n" });
  const followed = await follow(t, repo);
  repo.write("a", "b\n");
  await untilRight(followed, repo);
  // nothing happened: the state's time moves on, nothing is reported
  const reported = followed.states.length;
  const state = await followed.tracker.refresh();
  t.equal(followed.states.length, reported);
  t.ok(state !== undefined && state.scannedAt >= (followed.states.at(-1)?.scannedAt ?? 0));
});
