import type { Argv } from "yargs";
import { TreewireError, withSettings } from "../../util/index.js";
import type { StorePlace } from "../store-place.js";
import { placeOf, RELAY_SETTINGS, relaySettings, STORE_SETTINGS } from "./settings.js";

/** Adds the options that say which relay a command is about: where its state is. */
export function withPlace<T>(argv: Argv<T>) {
  return withSettings(argv, RELAY_SETTINGS, STORE_SETTINGS);
}

/** Where the state is of the relay that a command is about, from command line, environment or file. @throws TreewireError */
export function placeFrom(args: Readonly<Record<string, unknown>>): StorePlace {
  return placeOf(relaySettings(args));
}

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

const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** @param text of `--expires`: a span from now on, or a time @throws TreewireError `TW_BAD_USAGE` */
export function parseExpiry(text: string): Date {
  const [, count, unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const at = count === undefined ? Date.parse(text) : Date.now() + Number(count) * (UNIT_MS[unit] ?? 0);
  if (Number.isNaN(at)) throw badUsage(`--expires ${text}`, "neither a span nor a time");
  if (at <= Date.now()) throw badUsage(`--expires ${text}`, "that has passed");
  return new Date(at);
}
