import type { EffectiveSetting, EffectiveSettings, SettingsTable } from "./settings.js";

/** A table of the settings, a line each: name, value, where it came from. Secrets are masked. */
export function formatSettings<N extends string>(table: SettingsTable<N>, effective: EffectiveSettings<N>): string {
  const rows = namesOf(table).map((name) => [name, shown(table, name, effective[name]), effective[name].from]);
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const [names, values] = [width(0), width(1)];
  return rows
    .map(([name = "", value = "", from = ""]) => `${name.padEnd(names)}  ${value.padEnd(values)}  ${from}\n`)
    .join("");
}

/** The settings as JSON, for programs, on one line. Secrets are masked. */
export function settingsJson<N extends string>(table: SettingsTable<N>, effective: EffectiveSettings<N>): string {
  const entries = namesOf(table).map((name) => {
    const { value, source, from } = effective[name];
    const masked = value !== undefined && table.settings[name].secret ? "(set)" : (value ?? null);
    return [name, { value: masked, source, from }];
  });
  return `${JSON.stringify(Object.fromEntries(entries))}\n`;
}

function namesOf<N extends string>({ settings }: SettingsTable<N>): N[] {
  return Object.keys(settings) as N[];
}

function shown<N extends string>({ settings }: SettingsTable<N>, name: N, { value }: EffectiveSetting): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return "(not set)";
  if (settings[name].secret) return "(set)";
  return Array.isArray(value) ? value.join(", ") : String(value);
}
