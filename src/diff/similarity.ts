import type { Spans } from "./spans.js";

/** Git's scores go from 0 to this. */
export const MAX_SCORE = 60_000;
/** The default of `-M`: half. */
export const RENAME_SCORE = 30_000;
/** What two files of the same name have to reach, when no other file has that name: half way between the two above. */
export const SAME_NAME_SCORE = 45_000;

/**
 * How similar two files are.
 * @param common the bytes of spans that they have in common
 * @param least scores below this are of no interest: sizes that are too different for it give 0
 */
export function scoreOf(source: Spans, target: Spans, common: number, least: number): number {
  const larger = Math.max(source.size, target.size);
  const difference = larger - Math.min(source.size, target.size);
  if (larger * (MAX_SCORE - least) < difference * MAX_SCORE || target.size === 0) return 0;
  return Math.floor((common * MAX_SCORE) / larger);
}

/** A score as git prints it. */
export function toHundredths(score: number): number {
  return Math.floor((score * 100) / MAX_SCORE);
}
