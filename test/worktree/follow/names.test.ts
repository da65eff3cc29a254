// What docs/watching.md promises of names that are resolved: whichever step of the way to a file changes, the state is
// git's again by events alone.
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { silentLogger } from "../../../src/util/index.js";
import { Tracker, type TrackerOptions } from "../../../src/worktree/follow/tracker.js";
import { NameWatches } from "../../../src/worktree/watch/name-watches.js";
import { createRepo, expectedOf, git, TestRepo } from "../../support/repo.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";
import { followedByTested } from "../../support/watchers.js";

interface Followed {
  tracker: Tracker;
  troubles: string[];
  /** Waits until the state is what git says of the tree as it is now. */
  untilRight: (what: string) => Promise<void>;
  /** Waits until the tree is known to be gone. */
  untilGone: (what: string) => Promise<void>;
}

async function startTracker(
  t: Cleanup,
  options: Pick<TrackerOptions, "root"> & Partial<TrackerOptions>,
): Promise<Tracker> {
  const tracker = new Tracker({
    logger: silentLogger(),
    maxPatchBytes: 2 ** 30,
    keptPatchBytes: 2 ** 30,
    ...followedByTested(),
    onState: () => {},
    onGone: () => {},
    onTrouble: () => {},
    ...options,
  });
  t.teardown(() => tracker.close());
  await tracker.start();
  return tracker;
}

/** Follows a repository with nothing but events: no sweep, no refresh. */
async function follow(t: Cleanup, root: string, top = root): Promise<Followed> {
  const troubles: string[] = [];
  const tracker = await startTracker(t, { root, top, onTrouble: (_code, message) => troubles.push(message) });
  const text = (): string | undefined => tracker.state?.files.map((file) => file.header + file.hunks).join("");
  return {
    tracker,
    troubles,
    untilRight: async (what) => {
      const expected = expectedOf(top).unified_diff.toString();
      const isRight = (): boolean =>
        text() === expected && tracker.state?.head === git(top, "rev-parse", "--verify", "-q", "HEAD");
      await until(what, isRight, { deadlineMs: 20_000, seen: () => ({ text: text(), expected, troubles }) });
    },
    untilGone: (what) =>
      until(what, () => tracker.gone && tracker.state === undefined, { deadlineMs: 20_000 }).then(() => {}),
  };
}

/** Writes a file with the directories above it. */
function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** Puts a link in the place of whatever is there. */
function link(path: string, target: string): void {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}

/** A repository with files that ignore rules and attributes can show and hide. */
function startRepo(t: Cleanup, root = tempDir(t)): TestRepo {
  const repo = createRepo(t, { "a.txt": "a\n", "b.c": "b\n" }, root);
  repo.write("a.txt", "a changed\n");
  for (const name of ["x.log", "x.tmp", "x.bak", "x.old"]) repo.write(name, `${name}\n`);
  return repo;
}

t.test("HEAD leads to a branch by another name, and each of the three moves", async (t) => {
  const repo = startRepo(t);
  repo.git("branch", "other");
  repo.git("checkout", "-q", "-b", "third");
  repo.git("commit", "-qam", "third");
  const first = repo.git("rev-parse", "main");
  const third = repo.git("rev-parse", "third");
  repo.git("symbolic-ref", "refs/heads/alias", "refs/heads/main");
  repo.git("symbolic-ref", "HEAD", "refs/heads/alias");
  const { untilRight, tracker } = await follow(t, repo.root);
  t.equal(tracker.state?.head, first);
  repo.git("update-ref", "refs/heads/main", third);
  await untilRight("the branch at the end moved");
  repo.git("symbolic-ref", "refs/heads/alias", "refs/heads/other");
  await untilRight("the name between led elsewhere");
  repo.git("update-ref", "refs/heads/other", third);
  await untilRight("the branch that it leads to now moved");
  repo.git("pack-refs", "--all");
  repo.git("update-ref", "refs/heads/other", first);
  await untilRight("a packed branch moved");
  repo.git("symbolic-ref", "HEAD", "refs/heads/third");
  await untilRight("HEAD led elsewhere");
});

t.test("settings files that are links are followed at their home, and each link on the way", async (t) => {
  const repo = startRepo(t);
  const home = tempDir(t);
  write(join(home, "dot1/ignore"), "*.log\n");
  write(join(home, "dot2/ignore"), "*.tmp\n");
  write(join(home, "dot1/attributes"), "*.txt -diff\n");
  write(join(home, "dot2/attributes"), "*.txt diff\n");
  write(join(home, "dot1/config"), "[core]\n\tfileMode = false\n");
  link(join(home, "dot"), "dot1");
  link(join(home, "ignore"), "dot/ignore");
  link(join(home, "more/attributes"), "../dot/attributes");
  link(join(home, "include"), join(home, "dot/config"));
  repo.git("config", "core.excludesFile", join(home, "ignore"));
  repo.git("config", "core.attributesFile", join(home, "more/attributes"));
  repo.git("config", "include.path", join(home, "include"));
  const { untilRight } = await follow(t, repo.root);
  await untilRight("the first state");
  appendFileSync(join(home, "dot1/ignore"), "*.bak\n");
  await untilRight("the ignore file was edited at its home");
  writeFileSync(join(home, "dot1/attributes"), "*.txt diff\n");
  await untilRight("the attributes file was edited at its home");
  link(join(home, "dot"), "dot2");
  await untilRight("the directory between led elsewhere");
  write(join(home, "dot2/config"), `[core]\n\texcludesFile = ${join(home, "dot1/ignore")}\n`);
  await untilRight("the include that was missing behind it came");
  appendFileSync(join(home, "dot1/ignore"), "*.old\n");
  await untilRight("the file that it names was edited");
  renameSync(join(home, "dot2"), join(home, "away"));
  await untilRight("the directory went");
  renameSync(join(home, "away"), join(home, "dot2"));
  await untilRight("the directory returned");
});

t.test("info/exclude, info/attributes and .git/config as links", async (t) => {
  const repo = startRepo(t);
  const home = tempDir(t);
  for (const name of ["exclude", "attributes"]) {
    write(join(home, name), "");
    link(join(repo.root, ".git/info", name), join(home, name));
  }
  renameSync(join(repo.root, ".git/config"), join(home, "config"));
  link(join(repo.root, ".git/config"), join(home, "config"));
  const { untilRight } = await follow(t, repo.root);
  writeFileSync(join(home, "exclude"), "*.log\n");
  await untilRight("the ignore file was edited at its home");
  writeFileSync(join(home, "attributes"), "*.txt -diff\n");
  await untilRight("the attributes file was edited at its home");
  write(join(home, "user"), "*.tmp\n");
  appendFileSync(join(home, "config"), `[core]\n\texcludesFile = ${join(home, "user")}\n`);
  await untilRight("the configuration was edited at its home");
});

t.test("info/ and a directory above an include are replaced as a whole", async (t) => {
  const repo = startRepo(t);
  const home = tempDir(t);
  write(join(home, "a/b/c/config"), "");
  repo.git("config", "include.path", join(home, "a/b/c/config"));
  const { untilRight } = await follow(t, repo.root);
  write(join(repo.root, ".git/new/exclude"), "*.log\n");
  renameSync(join(repo.root, ".git/info"), join(repo.root, ".git/old"));
  renameSync(join(repo.root, ".git/new"), join(repo.root, ".git/info"));
  await untilRight("info/ was replaced");
  appendFileSync(join(repo.root, ".git/info/exclude"), "*.bak\n");
  await untilRight("the file in the new info/ was edited");
  write(join(home, "ignore"), "*.tmp\n");
  write(join(home, "new/c/config"), `[core]\n\texcludesFile = ${join(home, "ignore")}\n`);
  renameSync(join(home, "a/b"), join(home, "old"));
  renameSync(join(home, "new"), join(home, "a/b"));
  await untilRight("the directory above the include was replaced");
  rmSync(join(home, "a"), { recursive: true });
  await untilRight("it went");
});

t.test("a .git file is rewritten in place to name another git directory", async (t) => {
  const dir = tempDir(t);
  const root = join(dir, "tree");
  for (const name of ["one", "two"]) {
    git(dir, "init", "-q", "-b", "main", "--separate-git-dir", join(dir, name), root);
    new TestRepo(root).write("a", `${name}\n`);
    new TestRepo(root).commit(name);
    rmSync(join(root, ".git"));
  }
  const point = (to: string): void => writeFileSync(join(root, ".git"), `gitdir: ${to}\n`);
  point(join(dir, "one"));
  const { untilRight, untilGone } = await follow(t, root);
  await untilRight("the first git directory");
  point("../two");
  await untilRight("the second one");
  link(join(dir, "link"), "one");
  point("../link");
  await untilRight("the first one by a link");
  link(join(dir, "link"), "two");
  await untilRight("the link led elsewhere");
  rmSync(join(root, ".git"));
  await untilGone("no .git");
  point("../one");
  await untilRight("it returned");
});

t.test("a separate git directory is swapped under its name, goes and returns", async (t) => {
  const dir = tempDir(t);
  const root = join(dir, "tree");
  git(dir, "init", "-q", "-b", "main", "--separate-git-dir", join(dir, "store"), root);
  const repo = createRepo(t, { a: "1\n" }, root);
  const spare = join(dir, "spare");
  git(dir, "clone", "-q", "--bare", root, spare);
  git(spare, "config", "core.bare", "false");
  repo.write("a", "2\n");
  repo.commit("second");
  const { untilRight } = await follow(t, root);
  renameSync(join(dir, "store"), join(dir, "away"));
  renameSync(spare, join(dir, "store"));
  await untilRight("another one under the same name");
  rmSync(join(dir, "store"), { recursive: true });
  renameSync(join(dir, "away"), join(dir, "store"));
  await untilRight("the first one again");
});

t.test("a nested worktree is one for as long as its administrative directory is there", async (t) => {
  const repo = startRepo(t);
  const other = createRepo(t, { f: "1\n" });
  other.git("worktree", "add", "-q", join(repo.root, "nested"));
  const { untilRight } = await follow(t, repo.root);
  await untilRight("it is a tree of its own");
  const admin = join(other.root, ".git/worktrees");
  renameSync(admin, `${admin}-away`);
  await untilRight("its files are this tree's");
  renameSync(`${admin}-away`, admin);
  await untilRight("it is a tree of its own again");
  renameSync(other.root, `${other.root}-moved`);
  t.teardown(() => rmSync(`${other.root}-moved`, { recursive: true, force: true }));
  await untilRight("its repository moved away");
});

t.test("the git directory of a submodule goes and returns, before it was ever seen and after", async (t) => {
  const inner = createRepo(t, { f: "1\n" });
  const repo = startRepo(t);
  repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", inner.root, "sub");
  repo.commit("submodule");
  const sub = new TestRepo(join(repo.root, "sub"));
  sub.write("f", "2\n");
  const modules = join(repo.root, ".git/modules");
  renameSync(modules, `${modules}-away`);
  const { untilRight, tracker, troubles } = await follow(t, repo.root);
  renameSync(`${modules}-away`, modules);
  await untilRight("it is there for the first time");
  t.equal(tracker.state?.files.length, 1);
  const known = troubles.length;
  renameSync(modules, `${modules}-away`);
  sub.write(".git", `${readFileSync(join(sub.root, ".git"), "utf8")}\n`);
  await until("its absence is noticed", () => troubles.length > known, { seen: () => troubles });
  renameSync(`${modules}-away`, modules);
  await untilRight("it returned");
  sub.commit("in the submodule");
  await untilRight("it has another commit");
  sub.write("f", "3\n");
  await untilRight("it is followed on");
});

t.test(
  "a submodule on a branch without commits is dirty by what it has staged, and its first commit is seen",
  async (t) => {
    const repo = startRepo(t);
    const other = createRepo(t, { f: "1\n" });
    repo.git("update-index", "--add", "--cacheinfo", `160000,${other.git("rev-parse", "HEAD")},sub`);
    git(repo.root, "init", "-q", "-b", "main", "sub");
    const { untilRight } = await follow(t, repo.root);
    const sub = new TestRepo(join(repo.root, "sub"));
    sub.write("g", "1\n");
    sub.git("add", "g");
    await untilRight("something is staged in it");
    sub.commit("the first one");
    await untilRight("it has a HEAD");
  },
);

t.test("another branch includes other settings, which decide files and ignore rules", async (t) => {
  const repo = startRepo(t);
  const home = tempDir(t);
  repo.git("branch", "feature/x");
  write(join(home, "ignore"), "*.log\n");
  write(join(home, "attributes"), "*.txt -diff\n");
  write(
    join(home, "config"),
    `[core]\n\texcludesFile = ${join(home, "ignore")}\n\tattributesFile = ${join(home, "attributes")}\n`,
  );
  repo.git("config", "includeIf.onbranch:feature/.path", join(home, "config"));
  const { untilRight } = await follow(t, repo.root);
  for (const branch of ["feature/x", "main", "feature/x"]) {
    repo.git("symbolic-ref", "HEAD", `refs/heads/${branch}`);
    await untilRight(`on ${branch}`);
  }
  appendFileSync(join(home, "ignore"), "*.tmp\n");
  await untilRight("the branch's own ignore file was edited");
  repo.git("symbolic-ref", "refs/heads/alias", "refs/heads/main");
  repo.git("symbolic-ref", "HEAD", "refs/heads/alias");
  await untilRight("by another name for the other branch");
  repo.git("symbolic-ref", "refs/heads/alias", "refs/heads/feature/x");
  await untilRight("that name leads to the branch");
});

t.test("a path behind a link is taken from where the link leads, as the system has it", async (t) => {
  const repo = startRepo(t);
  const home = tempDir(t);
  write(join(home, "dotfiles/git/config"), "[include]\n\tpath = ../common/config\n");
  write(join(home, "dotfiles/common/config"), `[core]\n\texcludesFile = ${home}/git/../common/ignore\n`);
  write(join(home, "common/config"), "[core]\n\tfileMode = false\n");
  write(join(home, "dotfiles/common/ignore"), "*.log\n");
  link(join(home, "git"), "dotfiles/git");
  repo.git("config", "include.path", join(home, "git/config"));
  const { untilRight } = await follow(t, repo.root);
  await untilRight("the first state");
  appendFileSync(join(home, "dotfiles/common/ignore"), "*.tmp\n");
  await untilRight("the ignore file was edited");
});

t.test("directories whose names are not ASCII are resolved like others", async (t) => {
  const dir = join(tempDir(t), "größe 日本");
  const repo = startRepo(t, join(dir, "bäum"));
  write(join(dir, "einstellungen-ä/ignore"), "*.log\n");
  link(join(dir, "ö"), "einstellungen-ä");
  repo.git("config", "core.excludesFile", join(dir, "ö/ignore"));
  repo.git("checkout", "-q", "-b", "zweig/ä");
  const { untilRight } = await follow(t, repo.root);
  await untilRight("the first state");
  appendFileSync(join(dir, "einstellungen-ä/ignore"), "*.tmp\n");
  await untilRight("the ignore file was edited");
  repo.git("commit", "-qam", "on it");
  await untilRight("the branch moved");
});

t.test("core.worktree leads to another root, and no longer", async (t) => {
  const repo = startRepo(t);
  const root = tempDir(t);
  writeFileSync(join(root, "a.txt"), "elsewhere\n");
  repo.git("config", "core.worktree", root);
  const { untilRight, untilGone, tracker } = await follow(t, root, repo.root);
  t.equal(tracker.state?.root, root);
  await untilRight("the first state");
  writeFileSync(join(root, "b.c"), "b elsewhere\n");
  await untilRight("an edit there");
  repo.git("commit", "-qam", "from there");
  await untilRight("a commit");
  repo.git("config", "--unset", "core.worktree");
  await untilGone("the root is no longer that repository's");
  git(repo.root, "config", "core.worktree", root);
  await untilRight("it is again");
});

t.test("trees that find their settings through the same directories share the watches on them", async (t) => {
  const home = tempDir(t);
  write(join(home, "dotfiles/git/ignore"), "*.log\n");
  link(join(home, "config/git"), "../dotfiles/git");
  const names = new NameWatches();
  const sizes = [0];
  for (let count = 0; count < 6; count++) {
    const repo = startRepo(t);
    repo.git("config", "core.excludesFile", join(home, "config/git/ignore"));
    const tracker = await startTracker(t, { root: repo.root, names });
    t.ok(tracker.state, "it is followed");
    sizes.push(names.size);
  }
  const added = sizes.slice(1).map((size, at) => size - (sizes[at] ?? 0));
  t.ok((added[0] ?? 0) > (added[1] ?? 0), "the first one watches what they have in common");
  t.equal(new Set(added.slice(1)).size, 1, `each further one adds its own directories alone: ${added}`);
});

t.test("what happens to other names in the same directories is no event", async (t) => {
  const home = tempDir(t);
  write(join(home, "ignore"), "*.log\n");
  const repo = startRepo(t, join(home, "work/tree"));
  repo.git("config", "core.excludesFile", join(home, "ignore"));
  const events: object[] = [];
  const logger = { ...silentLogger(), trace: (fields: object) => void events.push(fields) };
  const tracker = await startTracker(t, { root: repo.root, logger });
  for (let at = 0; at < 100; at++) writeFileSync(join(home, `history${at % 5}`), `${at}\n`);
  mkdirSync(join(home, "cache"));
  renameSync(join(home, "cache"), join(home, "trash"));
  const before = tracker.state?.scannedAt;
  appendFileSync(join(home, "ignore"), "*.tmp\n");
  await until("the event of the file", () => events.length > 0 && tracker.state?.scannedAt !== before);
  t.match([...new Set(events.map((event) => JSON.stringify(event)))], [/"change":"ignore","path":".*\/ignore"/]);
  t.equal(new Set(events.map((event) => JSON.stringify(event))).size, 1);
});

t.test("what of a submodule counts is asked anew when .gitmodules or the settings say otherwise", async (t) => {
  const inner = createRepo(t, { f: "1\n" });
  const repo = createRepo(t, { a: "a\n" });
  repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", inner.root, "sub");
  repo.commit("submodule");
  new TestRepo(join(repo.root, "sub")).write("f", "2\n");
  const { untilRight } = await follow(t, repo.root);
  const modules = readFileSync(join(repo.root, ".gitmodules"), "utf8");
  for (const level of ["dirty", "none", "all", "untracked"]) {
    repo.write(".gitmodules", `${modules}\tignore = ${level}\n`);
    await untilRight(`.gitmodules says ${level}`);
  }
  for (const level of ["all", "none", "dirty"]) {
    repo.git("config", "submodule.sub.ignore", level);
    await untilRight(`the configuration says ${level}`);
  }
});

t.test("the objects of another repository go and return, and are named anew", async (t) => {
  const origin = createRepo(t, { a: "1\n" });
  const dir = tempDir(t);
  git(dir, "clone", "-q", "--shared", origin.root, "tree");
  const repo = new TestRepo(join(dir, "tree"));
  repo.write("a", "2\n");
  const away = join(dir, "away");
  renameSync(join(origin.root, ".git/objects"), away);
  const { untilRight, tracker } = await follow(t, repo.root);
  t.equal(tracker.state, undefined, "they are missing");
  renameSync(away, join(origin.root, ".git/objects"));
  await untilRight("they returned");
  repo.write("b", "1\n");
  repo.git("add", "b");
  renameSync(join(origin.root, ".git/objects"), away);
  writeFileSync(join(repo.root, ".git/objects/info/alternates"), `${away}\n`);
  await untilRight("they are elsewhere");
});
