import { MAX_DIRECTORIES } from "../watch/resolution-watch.js";

/** What of a tree has no events. */
export interface CoverageGaps {
  /** The name of a file system that does not report changes; `undefined`: all do. */
  readonly eventless: string | undefined;
  /** Nothing is watched, as the agent was told. */
  readonly isUnwatched: boolean;
  /** Why directories have no watch: system error codes, "bound" for {@link MAX_DIRECTORIES}, or what a back end says. */
  readonly refusals: readonly (string | undefined)[];
  /** How many names of files with several names are not watched. */
  readonly unwatchedLinks: number;
}

/**
 * Why a tree is polled, in words, and how often; "" when it need not be.
 * @param pollMs how long after a look the next one comes
 */
export function coverageText(
  { eventless, isUnwatched, refusals, unwatchedLinks }: CoverageGaps,
  pollMs: number,
): string {
  const reasons: string[] = [];
  if (isUnwatched) reasons.push("nothing is watched, as the agent's setting `watcher` has it");
  if (eventless !== undefined) reasons.push(`${eventless} does not report changes`);
  const refusal = refusals.find((code) => code !== undefined && code !== "bound");
  if (refusal !== undefined) {
    const isCode = /^E[A-Z0-9]+$/.test(refusal);
    const limit = `the limit of file watches is reached (${refusal}), raise fs.inotify.max_user_watches`;
    reasons.push(isCode ? limit : `the watcher has failed (${refusal})`);
  }
  if (refusals.includes("bound")) reasons.push(`settings are spread over more than ${MAX_DIRECTORIES} directories`);
  if (unwatchedLinks > 0) reasons.push("too many files with several names (hard links) to be watched");
  return reasons.length === 0 ? "" : `polled every ${Math.ceil(pollMs / 1000)} s: ${reasons.join("; ")}`;
}
