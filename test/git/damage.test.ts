import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import t, { type Test } from "tap";
import { openRepository } from "../../src/git/index.js";
import { TreewireError } from "../../src/util/index.js";
import { Random, SEED } from "../support/random.js";
import { createRepo, GIT_ENV, git, TestRepo } from "../support/repo.js";
import { tempDir } from "../support/temp.js";

/** Bytes of each file that are damaged, spread over it; `TREEWIRE_DAMAGES=Infinity` damages each. */
const MOST_DAMAGES = Number(process.env.TREEWIRE_DAMAGES ?? 80);
/** No answer may take more time of the processor than this: one that hangs takes all there is. */
const HANG_MS = 1000;
/** What damage may make the process hold at most, beyond what it held before, in bytes. */
const MEMORY_BYTES = 256 * 2 ** 20;

/** The content that something else stands in for. */
const REPLACED = "b\n";
const REPLACED_OID = hashOf(Buffer.from(REPLACED));

/** Everything that is asked of a repository, with what may come out: an answer, or an error that names a file. */
async function askEverything(root: string): Promise<void> {
  const repository = openRepository(root, GIT_ENV);
  repository.remoteOrigin();
  const rules = repository.ignoreRules(repository.readIgnoreFile(""));
  for (const name of ["a", "b.log", "dir", "keep"])
    rules.enter("dir", repository.readIgnoreFile("dir")).ignores(name, false);
  const head = repository.head();
  const index = repository.index();
  repository.headDifferences(index, head.tree);
  for (let position = 0; position < Math.min(index.count, 50); position += 1) {
    const path = index.path(position);
    repository.attributes(path);
    repository.submoduleIgnore(path);
    const blob = Buffer.from(repository.readBlob(index.oid(position)));
    // what stands in for another object has another id
    const isReplaced = index.oid(position) === REPLACED_OID;
    if (!isReplaced && hashOf(blob) !== index.oid(position))
      throw new Error(`${path}: not the blob that was asked for`);
    repository.blobSize(index.oid(position));
    index.find(path);
    index.range(path);
  }
  await repository.clean("a.txt", lstatSync(join(root, "a.txt")), undefined);
}

function hashOf(blob: Buffer): string {
  return createHash("sha1").update(`blob ${blob.length}\0`).update(blob).digest("hex");
}

/** A repository in which each kind of file is there, small, so that each of its bytes can be damaged. */
function damageable(t: Test): TestRepo {
  const repo = createRepo(t, {
    "a.txt": "a\n",
    "dir/long": "line\n".repeat(50),
    ".gitignore": "*.log\n!keep\n[a-c]x*\n/dir/**/z\n",
    ".gitattributes": '[attr]blob -diff\n*.txt text eol=lf\n"q x" blob\n',
    "dir/.gitignore": REPLACED,
    ".gitmodules": '[submodule "s"]\n\tpath = a.txt\n\tignore = dirty\n',
  });
  repo.write("dir/long", `${"line\n".repeat(25)}changed\n${"line\n".repeat(25)}`);
  repo.commit();
  repo.git("gc", "-q");
  repo.git("tag", "other");
  repo.git("config", "remote.origin.url", "https://example.com/x");
  repo.git("config", "include.path", "more");
  repo.write(".git/more", "[core]\n\tautocrlf = input\n[diff]\n\torderFile = .git/order\n");
  repo.write(".git/order", "dir\n*.txt\n# rest\n*\n");
  repo.write(".git/info/exclude", "*.tmp\n!a*\n");
  repo.write(".git/info/attributes", "*.x ident\n[attr]own text\n");
  repo.write("loose", "loose\n");
  repo.git("add", "loose");
  repo.git("commit", "-qm", "loose");
  repo.git("multi-pack-index", "write");
  repo.git("commit-graph", "write", "--reachable");
  const other = repo.git("hash-object", "-w", ".gitignore");
  repo.git("replace", repo.git("rev-parse", "HEAD:dir/.gitignore"), other);
  const commit = repo.git("rev-parse", "HEAD");
  repo.git("pack-refs", "--all");
  repo.write(".git/refs/heads/main", `${commit}\n`);
  return repo;
}

/** One whose index is split, with entries that are replaced, deleted and added. */
function splitRepo(t: Test): TestRepo {
  const repo = damageable(t);
  repo.git("config", "splitIndex.maxPercentChange", "100");
  repo.git("update-index", "--split-index");
  repo.write("dir/long", "changed\n");
  repo.write("added", "1\n");
  repo.git("rm", "-q", "--cached", "loose");
  repo.git("add", "-A");
  return repo;
}

/** One whose index holds directories as one entry each. */
function sparseRepo(t: Test): TestRepo {
  const repo = damageable(t);
  repo.write("out/of/sight", "1\n");
  repo.commit();
  repo.git("sparse-checkout", "set", "--cone", "--sparse-index", "dir");
  return repo;
}

/** One that borrows its objects, in a working tree that is linked to it. */
function linkedRepo(t: Test): TestRepo {
  const source = damageable(t);
  const clone = join(tempDir(t), "clone");
  git(source.root, "clone", "-q", "--shared", ".", clone);
  git(clone, "config", "extensions.worktreeConfig", "true");
  const linked = new TestRepo(join(tempDir(t), "linked"));
  git(clone, "worktree", "add", "-q", linked.root);
  linked.git("config", "--worktree", "core.autocrlf", "input");
  return linked;
}

/** The files of each kind, below the root. */
function filesOf(root: string): Record<string, string> {
  const packs = join(root, ".git/objects/pack");
  const pack = (end: string): string =>
    join(".git/objects/pack", readdirSync(packs).find((name) => name.endsWith(end)) ?? "");
  const head = readFileSync(join(root, ".git/refs/heads/main"), "latin1");
  return {
    index: ".git/index",
    pack: pack(".pack"),
    "pack index": pack(".idx"),
    "multi-pack-index": ".git/objects/pack/multi-pack-index",
    "loose object": join(".git/objects", head.slice(0, 2), head.slice(2, 40)),
    HEAD: ".git/HEAD",
    branch: ".git/refs/heads/main",
    "packed refs": ".git/packed-refs",
    config: ".git/config",
    "included config": ".git/more",
    ".gitignore": ".gitignore",
    ".gitattributes": ".gitattributes",
    ".gitmodules": ".gitmodules",
    "info/exclude": ".git/info/exclude",
    "info/attributes": ".git/info/attributes",
    "order file": ".git/order",
    "commit graph": ".git/objects/info/commit-graph",
    "replacement refs": ".git/packed-refs",
  };
}

/** The first name in a directory that a pattern matches, with the directory. */
function named(root: string, directory: string, pattern: RegExp): string {
  const name = readdirSync(join(root, directory)).find((each) => pattern.test(each));
  if (name === undefined) throw new Error(`nothing in ${directory} matches ${pattern}`);
  return join(directory, name);
}

/** What would be read instead of a kind of file, and so is put aside while that is damaged. */
const INSTEAD: Readonly<Record<string, string>> = {
  "pack index": ".git/objects/pack/multi-pack-index",
  "packed refs": ".git/refs/heads/main",
};

/** Ways to spoil one byte, or the file from there on. */
function* damages(bytes: Buffer, random: Random, most: number): Generator<Buffer> {
  const stride = Math.max(1, Math.floor(bytes.length / most));
  for (let at = random.below(stride); at < bytes.length; at += stride) {
    const spoiled = Buffer.from(bytes);
    const kind = random.below(5);
    if (kind === 0) yield bytes.subarray(0, at);
    else {
      spoiled[at] = [0, 0xff, (bytes[at] ?? 0) ^ (1 << random.below(8)), random.below(256)][kind - 1] ?? 0;
      yield spoiled;
    }
  }
}

/** Spoils a file in many ways, and asks everything each time. @returns what came of it, in words */
async function spoil(t: Test, repo: TestRepo, kind: string, path: string, random: Random): Promise<string> {
  const place = join(repo.root, path);
  const bytes = readFileSync(place);
  let tries = 0;
  let refused = 0;
  for (const spoiled of damages(bytes, random, MOST_DAMAGES)) {
    tries += 1;
    rmSync(place, { force: true });
    writeFileSync(place, spoiled);
    const start = process.cpuUsage();
    try {
      await askEverything(repo.root);
    } catch (thrown) {
      refused += 1;
      const said = thrown instanceof TreewireError ? thrown.message : String((thrown as Error).stack);
      if (!(thrown instanceof TreewireError) || !/treewire-test-|object [0-9a-f]{40}|a\.txt|\.gitmodules/.test(said)) {
        t.fail(`${kind}, try ${tries}, seed ${SEED}: ${said}`);
      }
    }
    const { user, system } = process.cpuUsage(start);
    const tookMs = (user + system) / 1000;
    if (tookMs > HANG_MS) t.fail(`${kind}, try ${tries}, seed ${SEED}: took ${Math.round(tookMs)} ms`);
  }
  rmSync(place);
  writeFileSync(place, bytes);
  t.ok(tries > 0);
  return `${tries} damages, ${refused} refused`;
}

/** Spoils files of one repository in turn, and sees that memory stays bounded and that all is well in the end. */
async function spoilAll(t: Test, repo: TestRepo, files: Readonly<Record<string, string>>): Promise<void> {
  t.setTimeout(0);
  const random = new Random(SEED);
  const before = process.memoryUsage.rss();
  for (const [kind, path] of Object.entries(files)) {
    const instead = INSTEAD[kind] === undefined ? undefined : join(repo.root, INSTEAD[kind]);
    if (instead !== undefined) renameSync(instead, `${instead}.aside`);
    t.comment(`${kind}: ${await spoil(t, repo, kind, path, random)}`);
    if (instead !== undefined) renameSync(`${instead}.aside`, instead);
  }
  await askEverything(repo.root);
  const grown = process.memoryUsage.rss() - before;
  t.ok(grown < MEMORY_BYTES, `memory grew by ${Math.round(grown / 2 ** 20)} MiB`);
}

t.test("whatever byte is damaged: an answer or an error that names a file, at once", async (t) => {
  const repo = damageable(t);
  await spoilAll(t, repo, filesOf(repo.root));
});

t.test("of a split index and its shared part, too", async (t) => {
  const repo = splitRepo(t);
  await spoilAll(t, repo, { "split index": ".git/index", "shared index": named(repo.root, ".git", /^sharedindex\./) });
});

t.test("of a sparse index, too", async (t) => {
  await spoilAll(t, sparseRepo(t), { "sparse index": ".git/index", patterns: ".git/info/sparse-checkout" });
});

t.test("of what leads to a repository, too", async (t) => {
  const linked = linkedRepo(t);
  const gitDir = relative(linked.root, linked.git("rev-parse", "--absolute-git-dir"));
  await spoilAll(t, linked, {
    ".git": ".git",
    commondir: join(gitDir, "commondir"),
    "config.worktree": join(gitDir, "config.worktree"),
    alternates: join(gitDir, "../../objects/info/alternates"),
    "linked HEAD": join(gitDir, "HEAD"),
    "linked index": join(gitDir, "index"),
  });
});
