import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { importTrees, type Tree } from "../../test/diff/trees.js";
import { GIT_ENV, git } from "../../test/support/repo.js";

const RUNS = 3;

/**
 * User time in milliseconds that one process of `git diff` takes for two trees: the least of three runs. What it reads
 * is packed without compression, so that the time is that of comparing and printing.
 */
export function gitUserTime(before: Tree, after: Tree, ...options: string[]): number {
  const root = mkdtempSync(join(tmpdir(), "treewire-bench-"));
  try {
    git(root, "init", "-q");
    git(root, "config", "core.compression", "0");
    git(root, "config", "core.bigFileThreshold", "1g");
    const names = importTrees(root, [before, after], ["--depth=0"]);
    const script = 'TIMEFORMAT=%3U; time git -C "$0" diff "$@" > /dev/null';
    const times = Array.from({ length: RUNS }, () => {
      const run = spawnSync("bash", ["-c", script, root, "--full-index", ...options, ...names], { env: GIT_ENV });
      if (run.status !== 0) throw new Error(`git diff: ${run.error ?? run.stderr}`);
      return Number(run.stderr.toString().trim()) * 1000;
    });
    return Math.min(...times);
  } finally {
    rmSync(root, { recursive: true });
  }
}
