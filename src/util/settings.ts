import { readFileSync } from "node:fs";
import { closest, distance } from "fastest-levenshtein";
import { parse as parseToml } from "smol-toml";
import { messageOf, systemCode, TreewireError } from "./errors.js";

/** One option of a program: on the command line, in the environment and in its configuration file. */
export interface Setting {
  kind: "text" | "number" | "list" | "choice";
  describe: string;
  /** Of a `choice`. */
  choices?: readonly string[];
  /** Shown as `(set)`. */
  secret?: boolean;
  /** What separates a list's entries in the environment. Default `:`, as in `PATH`. */
  separator?: string;
  default?: SettingValue;
}

export type SettingValue = string | number | readonly string[];

/** Where an effective value came from. */
export type SettingSource = "default" | "file" | "environment" | "command line";

export interface EffectiveSetting {
  /** `undefined`: not set anywhere. */
  value: SettingValue | undefined;
  source: SettingSource;
  /** The variable, file or option, in words. */
  from: string;
}

export interface SettingsInput {
  /** Values from the command line; `undefined` where an option was not given. Keys are those of the table. */
  commandLine: Readonly<Record<string, unknown>>;
  environment: NodeJS.ProcessEnv;
  /** The text of the configuration file, if there is one, and its path. */
  file?: { path: string; text: string };
}

/** All variables of the environment that concern these programs start with it. */
const PREFIX = "TREEWIRE_";
/** A name that differs from a known one by so many letters is taken for a slip. */
const SLIP = 2;

/** The name of an option in the environment: `log-level` → `TREEWIRE_LOG_LEVEL`. */
export function variableOf(name: string): string {
  return PREFIX + name.toUpperCase().replaceAll("-", "_");
}

/**
 * The effective value of each setting: the command line goes before the environment, that before the file, and that
 * before the default.
 *
 * @param table by name, in words with hyphens (`log-level`)
 * @throws TreewireError `TW_BAD_CONFIG` for a name that is not known, with the nearest that is, and for a value that does
 *   not fit; a variable with a strange name is only refused when it looks like a slip, as other programs have theirs
 */
export function resolveSettings<N extends string>(
  table: Readonly<Record<N, Setting>>,
  { commandLine, environment, file }: SettingsInput,
): Record<N, EffectiveSetting> {
  const names = Object.keys(table) as N[];
  const inFile = file === undefined ? {} : parseFile(file, names);
  refuseSlips(environment, names);
  const effective = {} as Record<N, EffectiveSetting>;
  for (const name of names) {
    const variable = variableOf(name);
    const candidates: [source: SettingSource, from: string, value: unknown][] = [
      ["command line", `--${name}`, commandLine[name]],
      ["environment", variable, fromEnvironment(table[name], environment[variable])],
      ["file", `${name} in ${file?.path}`, inFile[name]],
    ];
    const [source, from, given] = candidates.find(([, , value]) => value !== undefined) ?? ["default", "default"];
    const value = given === undefined ? table[name].default : check(table[name], given, from);
    effective[name] = { value, source, from };
  }
  return effective;
}

/** @returns the file's text. @throws TreewireError `TW_BAD_CONFIG` when it cannot be read */
export function readSettingsFile(path: string): { path: string; text: string } {
  try {
    return { path, text: readFileSync(path, "utf8") };
  } catch (error) {
    throw new TreewireError("TW_BAD_CONFIG", path, { detail: systemCode(error) ?? messageOf(error), cause: error });
  }
}

/** The known name that is most like another one, if any is. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const best = closest(name, known);
  return best !== undefined && distance(name, best) <= Math.max(SLIP, name.length / 3) ? best : undefined;
}

function parseFile({ path, text }: { path: string; text: string }, names: readonly string[]): Record<string, unknown> {
  let values: Record<string, unknown>;
  try {
    values = parseToml(text);
  } catch (error) {
    throw new TreewireError("TW_BAD_CONFIG", path, { detail: messageOf(error), cause: error });
  }
  for (const name of Object.keys(values)) {
    if (!names.includes(name)) throw new TreewireError("TW_BAD_CONFIG", path, { detail: unknown(name, names) });
  }
  return values;
}

function refuseSlips(environment: NodeJS.ProcessEnv, names: readonly string[]): void {
  const known = names.map(variableOf);
  for (const variable of Object.keys(environment)) {
    if (!variable.startsWith(PREFIX) || known.includes(variable)) continue;
    const meant = nearest(variable, known);
    if (meant !== undefined && distance(variable, meant) <= SLIP) {
      throw new TreewireError("TW_BAD_CONFIG", "the environment", { detail: unknown(variable, known) });
    }
  }
}

function unknown(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  return meant === undefined ? `${name} is not a setting` : `${name} is not a setting; did you mean ${meant}?`;
}

function fromEnvironment(setting: Setting, text: string | undefined): unknown {
  if (text === undefined || text === "") return undefined; // as other programs have it: empty is unset
  if (setting.kind === "number") return Number(text);
  return setting.kind === "list" ? text.split(setting.separator ?? ":").filter((entry) => entry !== "") : text;
}

/** @throws TreewireError `TW_BAD_CONFIG`; the value is not repeated: it may be a secret */
function check(setting: Setting, value: unknown, from: string): SettingValue {
  const refuse = (wanted: string) => new TreewireError("TW_BAD_CONFIG", from, { detail: `it must be ${wanted}` });
  switch (setting.kind) {
    case "list":
      if (Array.isArray(value) && value.every((entry) => typeof entry === "string")) return value;
      throw refuse("a list of strings");
    case "number":
      if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
      throw refuse("a number");
    case "choice":
      if (typeof value === "string" && setting.choices?.includes(value)) return value;
      throw refuse(`one of ${setting.choices?.join(", ")}`);
    default:
      if (typeof value === "string") return value;
      throw refuse("a string");
  }
}
