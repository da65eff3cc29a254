import { TreewireError } from "../../util/index.js";

export const DATA_DIR = {
  type: "string",
  demandOption: true,
  requiresArg: true,
  describe: "where the relay keeps its state",
} as const;

export const JSON_LINES = { type: "boolean", default: false, describe: "one JSON object a line" } as const;

/** @param subject the option or argument */
export function badUsage(subject: string, detail: string): TreewireError {
  return new TreewireError("TW_BAD_USAGE", subject, { detail });
}

/** Prints rows: as JSON lines, or lined up in columns under their names. */
export function printRows(rows: readonly Record<string, string | boolean | null>[], json: boolean): void {
  if (json) {
    for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`);
    return;
  }
  const names = Object.keys(rows[0] ?? {});
  const table = [names, ...rows.map((row) => names.map((name) => String(row[name] ?? "-")))];
  const widths = names.map((_, column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0)));
  for (const cells of table) {
    const line = cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
    if (names.length > 0) process.stdout.write(`${line.trimEnd()}\n`);
  }
}
