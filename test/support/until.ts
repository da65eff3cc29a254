/**
 * Waits until `probe` gives something other than `undefined` or `false`, and returns it.
 *
 * @param what what is waited for, as the error will name it when the deadline passes
 * @param probe asked again and again; may be asynchronous. What it throws ends the wait
 * @param options `deadlineMs` (default 10,000) and `seen`, which tells what was there instead
 */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  options: { deadlineMs?: number; seen?: () => unknown } = {},
): Promise<T> {
  const { deadlineMs = 10_000, seen } = options;
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) {
      const instead = seen === undefined ? "" : `; there was ${JSON.stringify(seen())}`;
      throw new Error(`not within ${deadlineMs} ms: ${what}${instead}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
