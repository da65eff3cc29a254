import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  type Stats,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { type IndexFile, openRepository, type Repository } from "../../../src/git/index.js";
import { NO_COVERAGE } from "../../../src/worktree/scan/coverage.js";
import { changedEntries, IndexTree } from "../../../src/worktree/scan/index-tree.js";
import { TreeScan } from "../../../src/worktree/scan/tree-scan.js";
import fc from "../../support/fast-check.js";
import { createRepo, type TestRepo } from "../../support/repo.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

const DIRECTORIES = ["", "a/", "a/b/", "c/", "ignored/"];
const NAMES = ["f", "g", "x.log", "b", "c"];

type Operation =
  | { readonly type: "write" | "remove" | "link" | "chmod"; readonly path: string }
  | { readonly type: "rename"; readonly path: string; readonly to: string }
  | { readonly type: "ignore"; readonly path: string; readonly lines: string }
  | { readonly type: "add" | "remove cached" | "sweep" | "relist"; readonly path: string };

const path = fc
  .tuple(fc.constantFrom(...DIRECTORIES), fc.constantFrom(...NAMES))
  .map(([directory, name]) => directory + name);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constantFrom("write" as const, "remove" as const), path }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("rename" as const), path, to: path }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom("add" as const, "remove cached" as const), path }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom("link" as const, "chmod" as const), path }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom("sweep" as const, "relist" as const), path }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("ignore" as const),
      path: fc.constantFrom(".gitignore", "a/.gitignore"),
      lines: fc.constantFrom("", "*.log\n", "ignored/\n", "b\n", "*\n!g\n"),
    }),
  },
);

/** A scan that sees each operation by what a watcher would name. */
class Scanned {
  readonly repo: TestRepo;
  readonly repository: Repository;
  scan: TreeScan;
  #index: IndexFile;

  constructor(repo: TestRepo, repository: Repository) {
    this.repo = repo;
    this.repository = repository;
    this.#index = repository.index();
    this.scan = new TreeScan(repository, NO_COVERAGE, this.#index, new IndexTree(this.#index));
    this.scan.beginInitialScan(undefined);
    this.scan.step(Number.POSITIVE_INFINITY);
  }

  do(operation: Operation): void {
    const changed = perform(this.repo, operation);
    if (operation.type === "sweep") this.scan.sweep();
    if (operation.type === "relist") this.scan.relist();
    this.repository.invalidate(["index"]);
    const index = this.repository.index();
    if (index !== this.#index) {
      const entries = changedEntries(this.#index, index);
      this.#index = index;
      this.scan.reindex(index, new IndexTree(index));
      for (const entry of entries) this.scan.examine(entry, true);
    }
    for (const path of changed) this.scan.examine(path, true);
    this.scan.step(Number.POSITIVE_INFINITY);
  }
}

/** @returns the paths that a watcher would name; a directory that comes with its content is named alone */
function perform(repo: TestRepo, operation: Operation): string[] {
  const { root } = repo;
  const at = join(root, operation.path);
  const made = (path: string): string[] => {
    const directory = dirname(path);
    if (directory === "." || existsSync(join(root, directory))) return [];
    const above = made(directory);
    return above.length > 0 ? above : [directory];
  };
  const prepare = (path: string): string[] | undefined => {
    for (let above = dirname(path); above !== "."; above = dirname(above)) {
      if (lstatSync(join(root, above), { throwIfNoEntry: false })?.isDirectory() === false) return undefined;
    }
    const named = made(path);
    mkdirSync(dirname(join(root, path)), { recursive: true });
    return [...named, path];
  };
  const stats = lookAt(at);
  switch (operation.type) {
    case "write": {
      const named = stats?.isDirectory() ? undefined : prepare(operation.path);
      if (named !== undefined) {
        rmSync(at, { force: true });
        writeFileSync(at, `${operation.path} again`);
      }
      return named ?? [];
    }
    case "ignore":
      if (lookAt(dirname(at))?.isDirectory() !== true) return [];
      writeFileSync(at, operation.lines);
      return [operation.path];
    case "link": {
      const named = stats === undefined ? prepare(operation.path) : undefined;
      if (named !== undefined) symlinkSync("c", at);
      return named ?? [];
    }
    case "chmod":
      if (stats?.isFile()) chmodSync(at, stats.mode ^ 0o100);
      return [operation.path];
    case "remove":
      rmSync(at, { recursive: true, force: true });
      return [operation.path];
    case "rename": {
      const to = join(root, operation.to);
      if (stats === undefined || lookAt(to) !== undefined || to.startsWith(`${at}/`)) return [];
      const named = prepare(operation.to);
      if (named === undefined) return [];
      renameSync(at, to);
      return [operation.path, ...named];
    }
    case "add":
      if (stats !== undefined && !isBehindLink(root, operation.path)) repo.git("add", "--force", "--", operation.path);
      return [];
    case "remove cached":
      repo.git("rm", "-r", "-q", "--cached", "--ignore-unmatch", "--", operation.path);
      return [];
    default:
      return [];
  }
}

function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // a file in the place of a directory above
  }
}

function isBehindLink(root: string, path: string): boolean {
  for (let above = dirname(path); above !== "."; above = dirname(above)) {
    if (lookAt(join(root, above))?.isSymbolicLink()) return true;
  }
  return false;
}

const lines = (text: string): string[] => (text === "" ? [] : text.split("\n").sort());

/** Compares what a scan has found with what git says. @returns what is wrong, in words */
function faultsOf({ repo, scan }: Scanned): string[] {
  const { tracked, untracked } = scan.candidates;
  const faults: string[] = [];
  const others = lines(repo.git("-c", "core.quotePath=false", "ls-files", "--others", "--exclude-standard"));
  const found = [...untracked.keys()].sort();
  if (others.join() !== found.join()) faults.push(`untracked: ${found}; git: ${others}`);
  const missing = lines(repo.git("ls-files", "--deleted"));
  for (const path of missing) if (tracked.get(path) !== undefined || !tracked.has(path)) faults.push(`${path} is gone`);
  const modified = lines(repo.git("diff-files", "--name-only"));
  for (const path of modified) if (!tracked.has(path)) faults.push(`${path} is modified`);
  const known = new Set(lines(repo.git("ls-files")));
  for (const path of tracked.keys()) if (!known.has(path)) faults.push(`${path} is not tracked`);
  return faults;
}

async function begin(t: Cleanup): Promise<Scanned> {
  const files = { ".gitignore": "ignored/\n", f: "f", "a/f": "f", "a/b/g": "g", "c/f": "f", "c/b/x.log": "log" };
  const repo = createRepo(t, files, join(tempDir(t), "work"));
  return new Scanned(repo, await openRepository(repo.root));
}

t.test("whatever happens to the files, the scan knows the untracked and the changed ones as git does", async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 12 }), async (operations) => {
      const cleanups: (() => unknown)[] = [];
      try {
        const scanned = await begin({ teardown: (handler) => cleanups.push(handler) });
        for (const operation of operations) scanned.do(operation);
        t.strictSame(faultsOf(scanned), []);
        const anew = new Scanned(scanned.repo, scanned.repository);
        t.strictSame(
          [...anew.scan.candidates.untracked.keys()].sort(),
          [...scanned.scan.candidates.untracked.keys()].sort(),
        );
        t.strictSame(faultsOf(anew), []);
      } finally {
        for (const cleanup of cleanups) cleanup();
      }
    }),
    { numRuns: 40 },
  );
});

t.test("a scan that is cut into steps of no time finds the same", async (t) => {
  const { repo, repository } = await begin(t);
  repo.write("a/new", "new");
  repo.remove("c/f");
  const index = repository.index();
  const scan = new TreeScan(repository, NO_COVERAGE, index, new IndexTree(index));
  scan.beginInitialScan(undefined);
  let steps = 1;
  while (!scan.step(Number.NEGATIVE_INFINITY)) steps++;
  t.ok(steps > 5, `${steps} steps`);
  t.strictSame([...scan.candidates.untracked.keys()], ["a/new"]);
  t.strictSame([scan.candidates.tracked.has("c/f"), scan.candidates.tracked.get("c/f")], [true, undefined]);
});

t.test("a path that is examined amid the initial scan is looked at after what the scan has seen", async (t) => {
  const { repo, repository } = await begin(t);
  for (const path of repo.git("ls-files").split("\n")) repo.touch(path, 1_700_000_000);
  repo.git("update-index", "-q", "--refresh");
  repository.invalidate(["index"]);
  const index = repository.index();
  const tree = new IndexTree(index);
  const scan = new TreeScan(repository, NO_COVERAGE, index, tree);
  scan.beginInitialScan(undefined);
  // every directory is covered, and then the last one is found to be unchanged
  for (let steps = 0; steps < tree.directories.length + 1; steps++) scan.step(Number.NEGATIVE_INFINITY);
  t.equal(tree.directories.at(-1)?.path, "c/b");
  repo.write("c/b/late", "late");
  scan.examine("c/b/late", true);
  while (!scan.step(Number.NEGATIVE_INFINITY));
  t.strictSame([...scan.candidates.untracked.keys()], ["c/b/late"]);
});

t.test("a sweep finds what nobody has named", async (t) => {
  const scanned = await begin(t);
  const { repo, scan } = scanned;
  repo.write("a/untracked", "1");
  scanned.do({ type: "sweep", path: "" });
  t.strictSame([...scan.candidates.untracked.keys()], ["a/untracked"]);
  repo.remove("a/untracked");
  repo.remove("c/b");
  repo.write("made/deep/f", "f");
  scanned.do({ type: "sweep", path: "" });
  t.strictSame([...scan.candidates.untracked.keys()], ["made/deep/f"]);
  t.strictSame(faultsOf(scanned), []);
});

t.test("every directory is covered before it is listed, and its watch ends with it", async (t) => {
  const { repo, repository } = await begin(t);
  const open = new Map<string, number>();
  const coverage = {
    cover: ({ path }: { path: string }) => {
      open.set(path, (open.get(path) ?? 0) + 1);
      if (path === "a/b") repo.write("a/b/meanwhile", "written between the watch and the listing");
      return [{ close: () => open.set(path, (open.get(path) ?? 0) - 1) }];
    },
    coverGitDirectory: () => [],
    coverFile: () => [],
    isMountPoint: () => false,
  };
  const index = repository.index();
  const scan = new TreeScan(repository, coverage, index, new IndexTree(index));
  scan.beginInitialScan(undefined);
  scan.step(Number.POSITIVE_INFINITY);
  t.strictSame([...open].sort(), [
    ["", 1],
    ["a", 1],
    ["a/b", 1],
    ["c", 1],
    ["c/b", 1],
  ]);
  t.strictSame([...scan.candidates.untracked.keys()], ["a/b/meanwhile"]);
  repo.write("made/deep/f", "f");
  scan.examine("made", true);
  scan.step(Number.POSITIVE_INFINITY);
  t.strictSame([open.get("made"), open.get("made/deep")], [1, 1]);
  repo.remove("a");
  scan.examine("a", true);
  scan.step(Number.POSITIVE_INFINITY);
  t.strictSame([open.get("a"), open.get("a/b"), open.get("c")], [0, 0, 1]);
  scan.close();
  t.strictSame([...open.values()], [0, 0, 0, 0, 0, 0, 0]);
});
