/**
 * The longest delay that a timer of Node.js and of browsers can hold, in milliseconds: 24.8 days. One that is longer
 * fires after 1 ms (<https://nodejs.org/api/timers.html#settimeoutcallback-delay-args>).
 */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Makes a computed delay one that a timer can hold.
 *
 * @param delayMs in milliseconds; it may be negative: time goes on between computing a moment and setting the timer for
 *   it, which Node.js 24 warns of (`TimeoutNegativeWarning`)
 * @returns 0 for a moment that has passed, at most {@link MAX_TIMER_MS}
 */
export function timerDelay(delayMs: number): number {
  return Math.min(Math.max(delayMs, 0), MAX_TIMER_MS);
}
