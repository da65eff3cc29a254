/** The value below which the share `q` (0 to 1) of the values lies. NaN when there are none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** How long a call takes, in milliseconds. */
export function timeOf(run: () => unknown): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

/** Times of several calls, in milliseconds: until there are `most`, or `budgetMs` are spent; at least one. */
export function timesOf(run: () => unknown, most: number, budgetMs: number): number[] {
  const times: number[] = [];
  let spent = 0;
  while (times.length === 0 || (times.length < most && spent < budgetMs)) {
    const time = timeOf(run);
    times.push(time);
    spent += time;
  }
  return times;
}

/** Says on a terminal how far the work is; elsewhere nothing. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

/** Milliseconds for a table: three digits that count. */
export function milliseconds(time: number): string {
  return `${threeDigits(time)} ms`;
}

/** A ratio for a table. */
export function ratioText(ratio: number): string {
  return `${threeDigits(ratio)}×`;
}

function threeDigits(value: number): string {
  if (value < 1) return value.toFixed(3);
  return value < 100 ? value.toPrecision(3) : Math.round(value).toLocaleString("en");
}
