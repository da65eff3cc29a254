/**
 * Waits until `probe` gives something other than `undefined` or `false`, and returns it.
 *
 * @param what what is waited for, as the error will name it when the deadline passes
 * @param probe asked again and again; may be asynchronous. What it throws ends the wait
 * @param options `deadlineMs` (default a minute: it ends a wait for what never comes, and says nothing of how fast a thing
 *   has to come); `seen`, which tells what was there instead; and `progress`, for what a busy machine may take any time
 *   over: the deadline counts anew whenever its value has changed
 */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  options: { deadlineMs?: number; seen?: () => unknown; progress?: () => unknown } = {},
): Promise<T> {
  const { deadlineMs = 60_000, seen, progress } = options;
  let deadline = performance.now() + deadlineMs;
  let reached = progress?.();
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    const now = progress?.();
    if (now !== reached) {
      reached = now;
      deadline = performance.now() + deadlineMs;
    }
    if (performance.now() > deadline) {
      const instead = seen === undefined ? "" : `; there was ${JSON.stringify(seen())}`;
      throw new Error(`not within ${deadlineMs} ms: ${what}${instead}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
