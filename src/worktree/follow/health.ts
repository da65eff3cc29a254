import { MAX_DIRECTORIES } from "../watch/resolution-watch.js";

/** What of a tree has no events. */
export interface CoverageGaps {
  /** The name of a file system that does not report changes; `undefined`: all do. */
  readonly eventless: string | undefined;
  /** Why directories have no watch: system error codes, and "bound" for {@link MAX_DIRECTORIES}. */
  readonly refusals: readonly (string | undefined)[];
  /** How many names of files with several names are not watched. */
  readonly unwatchedLinks: number;
}

/**
 * Why a tree is polled, in words, and how often; "" when it need not be.
 * @param pollMs how long after a look the next one comes
 */
export function coverageText({ eventless, refusals, unwatchedLinks }: CoverageGaps, pollMs: number): string {
  const reasons: string[] = [];
  if (eventless !== undefined) reasons.push(`${eventless} does not report changes`);
  const limit = refusals.find((code) => code !== undefined && code !== "bound");
  if (limit !== undefined) {
    reasons.push(`the limit of file watches is reached (${limit}), raise fs.inotify.max_user_watches`);
  }
  if (refusals.includes("bound")) reasons.push(`settings are spread over more than ${MAX_DIRECTORIES} directories`);
  if (unwatchedLinks > 0) reasons.push("too many files with several names (hard links) to be watched");
  return reasons.length === 0 ? "" : `polled every ${Math.ceil(pollMs / 1000)} s: ${reasons.join("; ")}`;
}
