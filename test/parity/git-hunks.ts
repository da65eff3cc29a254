import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GIT_ENV } from "../support/repo.js";
import type { Pair } from "./generate.js";

/** What is pinned where git's defaults have changed over time. */
const PINNED = ["-c", "diff.indentHeuristic=true", "-c", "diff.algorithm=myers", "-c", "diff.suppressBlankEmpty=false"];

/**
 * The hunks that `git diff` prints for each pair, all in one run of git.
 * @returns in the order of the pairs, one character per byte; "" where the sides are the same
 */
export function gitHunks(pairs: readonly Pair[], contextLines = 3): string[] {
  const scratch = mkdtempSync(join(tmpdir(), "treewire-pairs-"));
  try {
    for (const side of ["before", "after"] as const) {
      mkdirSync(join(scratch, side));
      pairs.forEach((pair, i) => {
        writeFileSync(join(scratch, side, String(i)), pair[side]);
      });
    }
    const options = ["--no-index", "--text", "--no-renames", "--no-color", `-U${contextLines}`];
    const run = spawnSync("git", [...PINNED, "diff", ...options, "before", "after"], {
      cwd: scratch,
      env: GIT_ENV,
      maxBuffer: 2 ** 31 - 1,
    });
    if (run.status !== 0 && run.status !== 1) throw new Error(`git diff: ${run.error ?? run.stderr}`);
    const hunks = pairs.map(() => "");
    for (const { path, text } of splitPatches(run.stdout)) hunks[Number(path)] = text;
    return hunks;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Cuts at the lines that start with `diff --git`: no line of a hunk does. */
function* splitPatches(output: Buffer): Generator<{ path: string; text: string }> {
  let start = 0;
  while (start < output.length) {
    const next = output.indexOf("\ndiff --git ", start);
    const end = next < 0 ? output.length : next + 1;
    const patch = output.toString("latin1", start, end);
    const path = /^diff --git a\/before\/(\d+) /.exec(patch)?.[1];
    if (path === undefined) throw new Error(`unexpected header: ${patch.slice(0, 200)}`);
    const hunk = patch.search(/^@@ /m);
    yield { path, text: hunk < 0 ? "" : patch.slice(hunk) };
    start = end;
  }
}
