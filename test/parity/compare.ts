import { unifiedHunks } from "../../src/diff/index.js";
import type { Pair } from "./generate.js";
import { gitHunks } from "./git-hunks.js";

export interface Difference {
  readonly pair: Pair;
  readonly contextLines: number;
  readonly git: string;
  readonly ours: string;
}

function ourHunks({ before, after }: Pair, contextLines: number): string {
  return Buffer.from(unifiedHunks(before, after, { contextLines })).toString("latin1");
}

/** Compares the hunks of all pairs with git's. @returns those that differ */
export function differences(pairs: readonly Pair[], contextLines = 3): Difference[] {
  const expected = gitHunks(pairs, contextLines);
  return pairs.flatMap((pair, i) => {
    const git = expected[i] as string;
    const ours = ourHunks(pair, contextLines);
    return git === ours ? [] : [{ pair, contextLines, git, ours }];
  });
}

/** Tries at most so many smaller pairs: each runs git once. */
const MAX_TRIES = 4000;

/** Leaves lines out of a pair as long as git and we still differ. */
export function shrink({ pair, contextLines }: Difference): Difference {
  let tries = 0;
  let best = { before: linesOf(pair.before), after: linesOf(pair.after) };
  const differs = (lines: { before: string[]; after: string[] }) => {
    tries += 1;
    return tries <= MAX_TRIES && differences([pairOf(pair.name, lines)], contextLines).length > 0;
  };
  for (let size = Math.max(best.before.length, best.after.length); size >= 1; size = size >> 1) {
    for (let at = 0; at < Math.max(best.before.length, best.after.length); ) {
      const before = best.before.toSpliced(at, size);
      const after = best.after.toSpliced(at, size);
      const smaller = [
        { before, after },
        { ...best, before },
        { ...best, after },
      ].find(
        (lines) => lines.before.length + lines.after.length < best.before.length + best.after.length && differs(lines),
      );
      if (smaller === undefined) at += size;
      else best = smaller;
    }
  }
  const shrunk = pairOf(pair.name, best);
  const [git = ""] = gitHunks([shrunk], contextLines);
  return { pair: shrunk, contextLines, git, ours: ourHunks(shrunk, contextLines) };
}

function linesOf(bytes: Uint8Array): string[] {
  return (
    Buffer.from(bytes)
      .toString("latin1")
      .match(/[^\n]*\n|[^\n]+/g) ?? []
  );
}

function pairOf(name: string, { before, after }: { before: string[]; after: string[] }): Pair {
  const bytes = (lines: string[]) => Buffer.from(lines.join(""), "latin1");
  return { name, before: bytes(before), after: bytes(after) };
}

/** A difference in words, for whoever has to mend it. */
export function describeDifference({ pair, contextLines, git, ours }: Difference): string {
  const quoted = (bytes: Uint8Array) => JSON.stringify(Buffer.from(bytes).toString("latin1"));
  return [
    `${pair.name}, ${contextLines} lines of context`,
    `before (latin1): ${quoted(pair.before)}`,
    `after (latin1):  ${quoted(pair.after)}`,
    `git:\n${git}`,
    `treewire:\n${ours}`,
  ].join("\n");
}
