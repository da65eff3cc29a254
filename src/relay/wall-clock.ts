/**
 * The machine's clock may be set back, and an agent's may be ahead: no time that a relay holds or says is later than its
 * own present one.
 *
 * @param oneMs milliseconds since 1970; so is the other, if there is one
 * @returns the later of them, or now if that is earlier
 */
export function latestUntilNow(oneMs: number, otherMs = oneMs): number {
  return Math.min(Date.now(), Math.max(oneMs, otherMs));
}

/**
 * Whether a span has passed since a moment. When the clock has been set back to before that moment, nobody knows how long
 * ago it is: then it counts as passed, so that nothing waits for hours.
 *
 * @param sinceMs milliseconds since 1970
 */
export function hasPassed(spanMs: number, sinceMs: number): boolean {
  const ms = Date.now() - sinceMs;
  return ms < 0 || ms >= spanMs;
}
