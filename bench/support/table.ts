/** A column of a table; numbers stand on the right. */
export interface Column {
  head: string;
  align?: "left" | "right";
}

/** A Markdown table, its columns padded so that it reads well as text too. */
export function markdownTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ head }, i) => Math.max(3, head.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const pad = (cell: string, i: number) =>
    columns[i]?.align === "right" ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0);
  const rule = columns.map(({ align }, i) => {
    const dashes = "-".repeat(widths[i] ?? 3);
    return align === "right" ? `${dashes.slice(1)}:` : dashes;
  });
  return [line(columns.map(({ head }, i) => pad(head, i))), line(rule), ...rows.map((row) => line(row.map(pad)))].join(
    "\n",
  );
}
