import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { openRepository } from "../../src/git/index.js";
import { bestCommonAncestors } from "../../src/history/common-ancestors.js";
import { Divergence } from "../../src/history/divergence.js";
import fc from "../support/fast-check.js";
import { Random } from "../support/random.js";
import { createRepo, GIT_ENV, git, type TestRepo } from "../support/repo.js";
import { tempDir } from "../support/temp.js";
import { basesByGit, drawGraph, type GraphCommit, importGraph, reachableFrom } from "./graphs.js";

interface Found {
  bases: string[];
  ahead: number;
  behind: number;
}

function find(root: string, one: string, other: string): Found {
  const commits = openRepository(root, GIT_ENV).historySource().commits();
  const [left, right] = [commits.numberOf(one), commits.numberOf(other)];
  const bases = bestCommonAncestors(commits, left, right);
  const { ahead, behind } = new Divergence(commits, left, right, bases);
  const found = { bases: bases.map((base) => commits.oidOf(base)), ahead, behind };
  commits.close();
  return found;
}

/** A history by names, each with its parents; dates ascend by a minute unless they are given. */
function history(t: Test, commits: Record<string, { parents?: string; date?: number }>): (name: string) => string {
  const names = Object.keys(commits);
  const graph = Object.values(commits).map(({ parents = "", date }, at): GraphCommit => {
    const places = parents.split(" ").filter(Boolean);
    return { parents: places.map((name) => names.indexOf(name)), date: date ?? 1_600_000_000 + at * 60 };
  });
  const root = createRepo(t).root;
  const oids = importGraph(root, graph);
  return (name) => (name === "" ? root : (oids[names.indexOf(name)] ?? ""));
}

t.test("the best common ancestors of generated histories are git's, and in its order", async (t) => {
  let several = 0;
  const property = fc.property(fc.integer(), fc.integer({ min: 2, max: 250 }), fc.nat(2), (seed, size, graphFiles) => {
    const random = new Random(seed);
    const root = tempDir(t);
    git(root, "init", "-q");
    const graph = drawGraph(random, size);
    const oids = importGraph(root, graph);
    if (graphFiles > 0) writeCommitGraph(root, oids, graphFiles === 2);
    for (let pair = 0; pair < 6; pair += 1) {
      const [one, other] = [random.below(size), random.below(size)];
      const [oneOid = "", otherOid = ""] = [oids[one], oids[other]];
      const found = find(root, oneOid, otherOid);
      const expected = basesByGit(root, oneOid, otherOid);
      if (expected.length > 1) several += 1;
      if (found.bases.join() !== expected.join()) throw new Error(`${root}: ${oneOid} ${otherOid}`);
      const [left, right] = [reachableFrom(graph, one), reachableFrom(graph, other)];
      const counts = [
        [...left].filter((commit) => !right.has(commit)),
        [...right].filter((commit) => !left.has(commit)),
      ];
      if (found.ahead !== counts[0]?.length || found.behind !== counts[1]?.length) {
        throw new Error(`${root}: ${oneOid} ${otherOid}: ${found.ahead} ${found.behind}`);
      }
    }
  });
  fc.assert(property, { numRuns: 12 });
  t.ok(several > 0, "some had more than one");
});

/** Git's own notes of the commits, in one file or in a chain of them. */
function writeCommitGraph(root: string, oids: readonly string[], inChain: boolean): void {
  const write = (list: readonly string[], ...options: string[]): void => {
    const args = ["-C", root, "commit-graph", "write", "--stdin-commits", ...options];
    execFileSync("git", args, { env: GIT_ENV, input: list.join("\n"), stdio: ["pipe", "ignore", "ignore"] });
  };
  const [half, most] = [Math.ceil(oids.length / 2), Math.ceil(oids.length * 0.9)];
  if (inChain) write(oids.slice(0, half), "--split=no-merge");
  write(oids.slice(0, most), ...(inChain ? ["--split=no-merge"] : []));
}

t.test("of lines that merged each other crosswise both ancestors are found, the later one first", async (t) => {
  const at = history(t, {
    root: {},
    a1: { parents: "root" },
    b1: { parents: "root" },
    a2: { parents: "a1 b1" },
    b2: { parents: "b1 a1" },
  });
  t.same(find(at(""), at("a2"), at("b2")), { bases: [at("b1"), at("a1")], ahead: 1, behind: 1 });
  t.same(find(at(""), at("a2"), at("b2")).bases, basesByGit(at(""), at("a2"), at("b2")));
});

t.test("a merge of many, one side that contains the other, and unrelated histories", async (t) => {
  const at = history(t, {
    root: {},
    a: { parents: "root" },
    b: { parents: "root" },
    c: { parents: "root" },
    octopus: { parents: "a b c" },
    d: { parents: "c" },
    island: {},
  });
  t.same(find(at(""), at("octopus"), at("d")), { bases: [at("c")], ahead: 3, behind: 1 });
  t.same(find(at(""), at("octopus"), at("b")), { bases: [at("b")], ahead: 3, behind: 0 });
  t.same(find(at(""), at("a"), at("a")), { bases: [at("a")], ahead: 0, behind: 0 });
  t.same(find(at(""), at("island"), at("d")), { bases: [], ahead: 1, behind: 3 });
});

t.test("where clocks were wrong, an ancestor of another result is none", async (t) => {
  // `old` is common and seems to be the newest of all; `best` is its descendant and seems to be the oldest
  const at = history(t, {
    old: { date: 1_900_000_000 },
    between: { parents: "old", date: 1_000_000_000 },
    best: { parents: "between", date: 900_000_000 },
    one: { parents: "best old", date: 1_600_000_000 },
    other: { parents: "old best", date: 1_600_000_001 },
  });
  t.same(find(at(""), at("one"), at("other")), { bases: [at("best")], ahead: 1, behind: 1 });
  t.same(basesByGit(at(""), at("one"), at("other")), [at("best")]);
});

function branchedRepo(t: Test): TestRepo {
  const repo = createRepo(t, { file: "0\n" });
  for (const each of [1, 2, 3]) {
    repo.write("file", `${each}\n`);
    repo.commit(`${each}`);
  }
  repo.git("checkout", "-q", "-b", "side", "HEAD~2");
  repo.write("side", "s\n");
  repo.commit("side");
  return repo;
}

t.test("parents that `git replace` or a graft file gives to a commit are its parents", async (t) => {
  const repo = branchedRepo(t);
  const [main, side] = [repo.git("rev-parse", "main"), repo.git("rev-parse", "side")];
  const same = (what: string): unknown =>
    t.same(find(repo.root, main, side).bases, basesByGit(repo.root, main, side), what);
  same("as committed");
  repo.git("commit-graph", "write", "--reachable");
  same("with a commit graph");
  repo.git("replace", "--graft", "side", "main~1");
  t.same(find(repo.root, main, side).bases, [repo.git("rev-parse", "main~1")]);
  same("replaced");
  repo.git("replace", "-d", side);
  const [next, last] = [repo.git("rev-parse", "main~1"), repo.git("rev-parse", "main~3")];
  writeFileSync(join(repo.root, ".git/info/grafts"), `# a comment\n${next} ${last}\n`);
  t.same(find(repo.root, main, side).bases, [last]);
  same("grafted");
});

t.test("commits are found loose, in packs, in an alternate, and through a multi-pack index", async (t) => {
  const repo = branchedRepo(t);
  const [main, side] = [repo.git("rev-parse", "main"), repo.git("rev-parse", "side")];
  const expected = find(repo.root, main, side);
  t.same(expected.bases, basesByGit(repo.root, main, side));
  repo.git("repack", "-q", "-d");
  repo.write("more", "1\n");
  repo.commit();
  repo.git("repack", "-q", "-d");
  t.same(find(repo.root, main, side), expected, "two packs");
  repo.git("multi-pack-index", "write");
  t.same(find(repo.root, main, side), expected, "a multi-pack index");
  const borrower = join(tempDir(t), "borrower");
  git(repo.root, "clone", "-q", "--shared", repo.root, borrower);
  t.same(find(borrower, main, side), expected, "an alternate");
  repo.git("gc", "-q");
  t.same(find(borrower, main, side), expected, "an alternate with a commit graph");
});

t.test("a damaged commit graph is as good as none", async (t) => {
  const repo = branchedRepo(t);
  repo.git("commit-graph", "write", "--reachable");
  const [main, side] = [repo.git("rev-parse", "main"), repo.git("rev-parse", "side")];
  const expected = find(repo.root, main, side);
  const file = join(repo.root, ".git/objects/info/commit-graph");
  execFileSync("chmod", ["u+w", file]);
  writeFileSync(file, "CGPH nonsense");
  t.same(find(repo.root, main, side), expected);
});

t.test("a commit that is missing is named", async (t) => {
  const repo = branchedRepo(t);
  const missing = repo.git("rev-parse", "main~1");
  const [main, side] = [repo.git("rev-parse", "main"), repo.git("rev-parse", "side")];
  execFileSync("rm", ["-f", join(repo.root, ".git/objects", missing.slice(0, 2), missing.slice(2))]);
  t.throws(() => find(repo.root, main, side), { code: "TW_CORRUPT_REPOSITORY", message: new RegExp(missing) });
});
