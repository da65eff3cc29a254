/** Groups of changed lines that are larger than this are left as they are: comparing them costs their product. */
const MOST_PAIRS = 250_000;

/**
 * The rows of a diff in which lines that differ in white space alone are shown as unchanged, as they are now.
 *
 * @param rows of one file (rows.ts)
 */
export function withoutWhitespace(rows: readonly string[]): string[] {
  const shown: string[] = [];
  let at = 0;
  while (at < rows.length) {
    if (!/^[-+]/.test(rows[at] ?? "")) {
      shown.push(rows[at] ?? "");
      at += 1;
      continue;
    }
    const start = at;
    while (/^[-+\\]/.test(rows[at] ?? "")) at += 1;
    shown.push(...reduced(rows.slice(start, at)));
  }
  return shown;
}

function reduced(group: readonly string[]): readonly string[] {
  if (group.some((row) => row.startsWith("\\"))) return group; // a line feed at the end is white space that counts
  const before = group.filter((row) => row.startsWith("-"));
  const after = group.filter((row) => row.startsWith("+"));
  if (before.length * after.length > MOST_PAIRS) return group;
  const [a, b] = [before.map(bare), after.map(bare)];
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] =
        a[i] === b[j]
          ? (lengths[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(lengths[(i + 1) * width + j] ?? 0, lengths[i * width + j + 1] ?? 0);
    }
  }
  const shown: string[] = [];
  let [removed, added]: string[][] = [[], []];
  const flush = () => {
    shown.push(...(removed ?? []), ...(added ?? []));
    [removed, added] = [[], []];
  };
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      flush();
      shown.push(` ${(after[j] ?? "").slice(1)}`);
      i += 1;
      j += 1;
    } else if (
      j >= b.length ||
      (i < a.length && (lengths[(i + 1) * width + j] ?? 0) >= (lengths[i * width + j + 1] ?? 0))
    ) {
      removed?.push(before[i] ?? "");
      i += 1;
    } else {
      added?.push(after[j] ?? "");
      j += 1;
    }
  }
  flush();
  return shown;
}

function bare(row: string): string {
  return row.slice(1).replaceAll(/\s+/g, "");
}
