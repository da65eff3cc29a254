import type { Clock } from "../util/index.js";

/** So many are closed at a time at least: a small relay stops at once. */
const GROUP = 10;
/** Between two groups, in milliseconds. */
const PAUSE_MS = 50;

/**
 * Closes what is open in small groups, in order, so that those who come back do not all come in the same moment. Where there
 * is little time the groups are larger.
 *
 * @param closers each closes one
 * @param withinMs the last group goes when so much time has passed, in milliseconds; 0: all go at once
 */
export async function closePaced(closers: readonly (() => void)[], withinMs: number, clock: Clock): Promise<void> {
  const startedAtMs = clock.monotonicMs();
  let closed = 0;
  for (;;) {
    const passedMs = clock.monotonicMs() - startedAtMs;
    const share = passedMs < withinMs ? Math.ceil((passedMs * closers.length) / withinMs) : closers.length;
    const due = Math.max(closed + GROUP, share);
    for (const close of closers.slice(closed, due)) close();
    closed = due;
    if (closed >= closers.length) return;
    await new Promise<void>((resolve) => clock.after(PAUSE_MS, resolve));
  }
}
