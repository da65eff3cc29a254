import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../support/random.js";
import { GIT_ENV } from "../support/repo.js";

/** A commit of a generated history. */
export interface GraphCommit {
  /** Places of its parents in the list of commits, each before its own. */
  parents: readonly number[];
  /** Seconds since 1970. */
  date: number;
}

const START = 1_600_000_000;

/**
 * Draws a history: lines of work that branch off, merge, merge each other crosswise and many at once, with clocks that
 * are right, a little wrong or not at all to be trusted, and sometimes a root of its own.
 *
 * @param count of commits
 * @param options how many seconds a clock may be wrong by; drawn, by default
 */
export function drawGraph(random: Random, count: number, options: { skew?: number } = {}): GraphCommit[] {
  const { skew = random.pick([0, 0, 100, 5000, 200_000]) } = options;
  const step = random.pick([0, 1, 60]);
  const width = 1 + random.small(0, 12);
  const roots = random.pick([0, 0, 0.002, 0.02]);
  const merges = random.pick([0.02, 0.1, 0.3, 0.6]);
  const tips: number[] = [];
  return Array.from({ length: count }, (_, at) => {
    const date = Math.max(0, START + at * step + (skew === 0 ? 0 : random.below(2 * skew) - skew));
    const line = random.below(width);
    const parents = at === 0 || random.chance(roots) ? [] : drawParents(random, at, tips, line, merges);
    tips[line] = at;
    return { parents, date };
  });
}

function drawParents(random: Random, at: number, tips: readonly number[], line: number, merges: number): number[] {
  const anyBefore = (): number => (random.chance(0.9) ? Math.max(0, at - 1 - random.small(0, 30)) : random.below(at));
  const known = tips.filter((tip) => tip !== undefined);
  const parents = new Set([tips[line] ?? anyBefore()]);
  if (random.chance(merges)) {
    const more = random.chance(0.1) ? 2 + random.below(6) : 1;
    for (let each = 0; each < more; each += 1) parents.add(random.chance(0.7) ? random.pick(known) : anyBefore());
  }
  return [...parents];
}

/**
 * Writes a history into a repository, as one pack.
 *
 * @param root where `git init` was done
 * @returns the object id of each commit
 */
export function importGraph(root: string, graph: readonly GraphCommit[]): string[] {
  const pieces = graph.map(({ parents, date }, at) => {
    const [first, ...others] = parents;
    const from = first === undefined ? "" : `from :${first + 1}\n`;
    const merged = others.map((parent) => `merge :${parent + 1}\n`).join("");
    const head = `reset refs/heads/graph\n${from}\ncommit refs/heads/graph\nmark :${at + 1}\n`;
    const text = `${at}`;
    return `${head}committer T <t@example.com> ${date} +0000\ndata ${text.length}\n${text}\n${from}${merged}\n`;
  });
  const marks = join(root, "marks");
  execFileSync("git", ["-C", root, "fast-import", "--quiet", "--force", `--export-marks=${marks}`], {
    env: GIT_ENV,
    input: pieces.join(""),
  });
  const oids = new Array<string>(graph.length).fill("");
  for (const line of readFileSync(marks, "utf8").trim().split("\n")) {
    const [mark = "", oid = ""] = line.split(" ");
    oids[Number(mark.slice(1)) - 1] = oid;
  }
  return oids;
}

/** What `git merge-base --all` prints. */
export function basesByGit(root: string, one: string, other: string): string[] {
  const { status, stdout, stderr } = spawnSync("git", ["-C", root, "merge-base", "--all", one, other], {
    env: GIT_ENV,
  });
  if (status !== 0 && status !== 1) throw new Error(stderr.toString());
  return stdout.toString().split("\n").filter(Boolean);
}

/** Every commit that a commit reaches, itself too. */
export function reachableFrom(graph: readonly GraphCommit[], commit: number): Set<number> {
  const reached = new Set([commit]);
  const pending = [commit];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const parent of graph[next]?.parents ?? []) {
      if (reached.has(parent)) continue;
      reached.add(parent);
      pending.push(parent);
    }
  }
  return reached;
}
