import { execFileSync } from "node:child_process";
import t from "tap";
import { openRepository } from "../../src/git/index.js";
import { type CommitList, commitsBetween } from "../../src/history/index.js";
import fc from "../support/fast-check.js";
import { Random } from "../support/random.js";
import { createRepo, GIT_ENV, git, type TestRepo } from "../support/repo.js";
import { tempDir } from "../support/temp.js";
import { drawGraph, importGraph } from "./graphs.js";

function list(root: string, tip: string, excluded: string, options?: Parameters<typeof commitsBetween>[2]): CommitList {
  return commitsBetween(openRepository(root, GIT_ENV).historySource(), { tip, excluded }, options);
}

/** The same as `git log` prints it, each field with a NUL behind it. */
function byGit(root: string, ...range: string[]): unknown[] {
  const format = "%H%x00%P%x00%s%x00%b%x00%an%x00%ae%x00%at%x00%x01";
  const args = ["-C", root, "log", "--first-parent", "--encoding=UTF-8", `--format=${format}`, ...range];
  const records = execFileSync("git", args, { env: GIT_ENV, maxBuffer: 2 ** 28 })
    .toString()
    .split("\u0001\n");
  return records.filter(Boolean).map((record) => {
    const [oid = "", parents = "", subject, body = "", name, email, at] = record.split("\0");
    const author = { name, email, at: Number(at) };
    return { oid, parents: parents.split(" ").filter(Boolean), subject, body: body.replace(/\n+$/, ""), author };
  });
}

/** Commits raw bytes, as no command of git's would write them. */
function commitRaw(repo: TestRepo, headers: string, message: string | Buffer): string {
  const tree = repo.git("rev-parse", "HEAD^{tree}");
  const parent = repo.git("rev-parse", "HEAD");
  const start = `tree ${tree}\nparent ${parent}\n${headers}\n\n`;
  const input = Buffer.concat([Buffer.from(start, "latin1"), Buffer.from(message)]);
  const args = ["-C", repo.root, "hash-object", "-t", "commit", "-w", "--stdin", "--literally"];
  const oid = execFileSync("git", args, { env: GIT_ENV, input }).toString().trim();
  repo.git("update-ref", "HEAD", oid);
  return oid;
}

const IDENT = "author A <a@example.com> 1700000000 +0100\ncommitter C <c@example.com> 1700000001 +0000";

t.test("commits have the words that git shows, whatever they are written in", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  const base = repo.git("rev-parse", "HEAD");
  commitRaw(repo, IDENT, "subject\n\nbody\nof two lines\n\nand more\n");
  commitRaw(repo, IDENT, "\n\n  a subject  \non two lines\n \n\n\n  indented\nlast\n\n\n");
  commitRaw(repo, IDENT, "without line feed");
  commitRaw(repo, IDENT, "");
  commitRaw(repo, IDENT, "ünïcode ✓\n\nß\n");
  const latin = "author J\xf6rg <j@example.com> 1700000000 +0100\ncommitter C <c@example.com> 1700000001 +0000";
  commitRaw(repo, `${latin}\nencoding ISO-8859-1`, Buffer.from("gr\xfc\xdfe\n\n\xe4\n", "latin1"));
  commitRaw(repo, `${IDENT}\nencoding EUC-JP`, Buffer.from("c6fccbdc0a", "hex"));
  commitRaw(repo, `${IDENT}\nencoding no-such-thing`, "plain\n");
  commitRaw(repo, `${IDENT}\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----`, "signed\n");
  commitRaw(repo, "author <only@example.com> 5 +0000\ncommitter C <c@example.com> 6 +0000", "no name\n");
  commitRaw(repo, "author Two  Words  <a b@example.com> 7 -1200\ncommitter C <c@example.com> 8 +0000", "blanks\n");
  const head = repo.git("rev-parse", "HEAD");
  const found = list(repo.root, head, base);
  t.same(found.commits, byGit(repo.root, `${base}..${head}`));
  t.equal(found.isTruncated, false);
  t.equal(found.commits.find(({ subject }) => subject.startsWith("gr"))?.author.name, "Jörg");
});

t.test("an author that is damaged hides no commit", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  const base = repo.git("rev-parse", "HEAD");
  commitRaw(repo, "author nobody\ncommitter C <c@example.com> 6 +0000", "one\n");
  commitRaw(repo, "author A <a@example.com\ncommitter C <c@example.com> 6 +0000", "two\n");
  const head = repo.git("rev-parse", "HEAD");
  const { commits } = list(repo.root, head, base);
  t.same(
    commits.map(({ subject, author }) => [subject, author.at]),
    [
      ["two", 0],
      ["one", 0],
    ],
  );
});

t.test("the list follows first parents, is cut at its limit, and goes on behind a commit", async (t) => {
  const repo = createRepo(t, { file: "1\n" });
  const base = repo.git("rev-parse", "HEAD");
  for (let at = 0; at < 6; at += 1) repo.commit(`main ${at}`);
  repo.git("checkout", "-q", "-b", "side", base);
  repo.commit("side");
  repo.git("checkout", "-q", "main");
  repo.git("merge", "-q", "-m", "merge", "side");
  repo.commit("last");
  const head = repo.git("rev-parse", "HEAD");
  const all = byGit(repo.root, `${base}..${head}`);
  t.equal(all.length, 8);
  t.same(list(repo.root, head, base), { commits: all, isTruncated: false });
  t.same(list(repo.root, head, base, { limit: 8 }), { commits: all, isTruncated: false });
  t.same(list(repo.root, head, base, { limit: 3 }), { commits: all.slice(0, 3), isTruncated: true });
  const before = repo.git("rev-parse", "HEAD~2");
  t.same(list(repo.root, head, base, { limit: 3, before }), { commits: all.slice(3, 6), isTruncated: true });
  t.same(list(repo.root, head, base, { before: base }), { commits: [], isTruncated: false });
  t.same(list(repo.root, head, head), { commits: [], isTruncated: false });
  t.same(list(repo.root, head, repo.git("rev-parse", "side")).commits, byGit(repo.root, "side..main"));
  t.same(list(repo.root, head, "").commits, byGit(repo.root, "main"));
});

t.test("lists of generated histories are git's", async (t) => {
  const property = fc.property(fc.integer(), fc.integer({ min: 2, max: 150 }), (seed, size) => {
    const random = new Random(seed);
    const root = tempDir(t);
    git(root, "init", "-q");
    const graph = drawGraph(random, size, { skew: 0 });
    const oids = importGraph(root, graph);
    for (let pair = 0; pair < 4; pair += 1) {
      const [tip = "", excluded = ""] = [random.pick(oids), random.pick(oids)];
      const found = list(root, tip, excluded, { limit: size }).commits.map(({ oid }) => oid);
      const expected = git(root, "log", "--first-parent", "--format=%H", `${excluded}..${tip}`).split("\n");
      if (found.join() !== expected.filter(Boolean).join()) throw new Error(`${root} ${excluded}..${tip}`);
    }
  });
  fc.assert(property, { numRuns: 15 });
});
