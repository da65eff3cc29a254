/** A place in a text that looks like a secret. Positions count UTF-16 code units. */
export interface Span {
  readonly start: number;
  /** Behind the last unit. */
  readonly end: number;
  /** How much of it is shown, from its start: what says of which kind it is. */
  readonly shown: number;
  /** The name of the rule that found it, in letters, digits and hyphens. */
  readonly rule: string;
}

/** What stands for a span. */
export function maskOf(rule: string): string {
  return `[withheld:${rule}]`;
}

/** Ascending spans of which none meet another: of two that do, what the first shows is shown. */
export function mergeSpans(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    const last = merged.at(-1);
    if (last === undefined || span.start >= last.end) merged.push(span);
    else if (span.end > last.end) merged[merged.length - 1] = { ...last, end: span.end };
  }
  return merged;
}
