import { existsSync } from "node:fs";
import { join } from "node:path";
import { parse as parseToml } from "smol-toml";
import { messageOf, systemCode, TreewireError } from "./errors.js";
import { nearest, SLIP_LETTERS } from "./nearest.js";
import { MAX_SETTINGS_FILE_BYTES, readRegularFile } from "./regular-file.js";
import { homeDirectory } from "./user.js";

/** One option of a program: on the command line, in the environment and in its configuration file. */
export interface Setting {
  kind: "text" | "number" | "list" | "choice";
  describe: string;
  /** Of a `choice`. */
  choices?: readonly string[];
  /** Of a `number`: it must be over 0. */
  positive?: boolean;
  /** Shown as `(set)`. */
  secret?: boolean;
  /** The command line does not take it, as everybody on the machine can read that. */
  notOnCommandLine?: boolean;
  /** What separates a list's entries in the environment. Default `:`, as in `PATH`. */
  separator?: string;
  default?: SettingValue;
}

export type SettingValue = string | number | readonly string[];

/** The settings of one program. */
export interface SettingsTable<N extends string = string> {
  /** The program's name: its file is `treewire/NAME.toml` in the configuration directories. */
  readonly program: string;
  /** What its variables in the environment start with. */
  readonly prefix: string;
  /** By name, in words with hyphens (`log-level`). */
  readonly settings: Readonly<Record<N, Setting>>;
}

/** Where an effective value came from. */
export type SettingSource = "default" | "file" | "environment" | "command line";

export interface EffectiveSetting {
  /** `undefined`: not set anywhere. */
  value: SettingValue | undefined;
  source: SettingSource;
  /** The variable, file or option, in words. */
  from: string;
}

export type EffectiveSettings<N extends string = string> = Record<N, EffectiveSetting>;

/** The text of a configuration file. */
export interface SettingsFile {
  path: string;
  /** TOML. */
  text: string;
}

export interface SettingsInput {
  /** Values from the command line; `undefined` where an option was not given. Keys are those of the table. */
  commandLine: Readonly<Record<string, unknown>>;
  environment: NodeJS.ProcessEnv;
  file?: SettingsFile | undefined;
}

/** The setting that names the configuration file: on the command line and in the environment, not in the file. */
export const CONFIG = "config";

/** The name of a setting in the environment: `log-level` → `TREEWIRE_LOG_LEVEL`. */
export function variableOf({ prefix }: Pick<SettingsTable, "prefix">, name: string): string {
  return prefix + name.toUpperCase().replaceAll("-", "_");
}

/**
 * The effective value of each setting: the command line goes before the environment, that before the file, and that
 * before the default.
 *
 * @throws TreewireError `TW_BAD_CONFIG` for a name that is not known, with the nearest that is, and for a value that does
 *   not fit; a variable with a strange name is only refused when it looks like a slip, as other programs have theirs
 */
export function resolveSettings<N extends string>(
  table: SettingsTable<N>,
  { commandLine, environment, file }: SettingsInput,
): EffectiveSettings<N> {
  const names = Object.keys(table.settings) as N[];
  const inFile = file === undefined ? {} : parseFile(file, names);
  refuseSlips(table, environment);
  const effective = {} as EffectiveSettings<N>;
  for (const name of names) {
    const setting = table.settings[name];
    const variable = variableOf(table, name);
    const candidates: [source: SettingSource, from: string, value: unknown][] = [
      ["command line", `--${name}`, fromCommandLine(setting, commandLine[name])],
      ["environment", variable, fromEnvironment(setting, environment[variable])],
      ["file", `${name} in ${file?.path}`, inFile[name]],
    ];
    const [source, from, given] = candidates.find(([, , value]) => value !== undefined) ?? ["default", "default"];
    const value = given === undefined ? setting.default : check(setting, given, from);
    effective[name] = { value, source, from };
  }
  return effective;
}

/** Where the configuration file may be, if no other is named; the first that exists counts. */
export function configFiles({ program }: Pick<SettingsTable, "program">, environment: NodeJS.ProcessEnv): string[] {
  const home = homeDirectory(environment);
  const config = environment.XDG_CONFIG_HOME || (home && join(home, ".config"));
  const name = `treewire/${program}.toml`;
  return [...(config ? [join(config, name)] : []), join("/etc", name)];
}

/**
 * The configuration file: the one that `--config` names, or the variable of it, or the first of {@link configFiles} that
 * is there.
 *
 * @param commandLine as in {@link SettingsInput}, with `config`
 * @throws TreewireError `TW_BAD_CONFIG` when it cannot be read
 */
export function readConfigFile(
  table: Pick<SettingsTable, "program" | "prefix">,
  { commandLine, environment }: Omit<SettingsInput, "file">,
): SettingsFile | undefined {
  const named = commandLine[CONFIG];
  const path =
    (typeof named === "string" ? named : undefined) ??
    (environment[variableOf(table, CONFIG)] || configFiles(table, environment).find((file) => existsSync(file)));
  if (path === undefined) return undefined;
  try {
    return { path, text: readRegularFile(path, MAX_SETTINGS_FILE_BYTES).bytes.toString() };
  } catch (error) {
    throw new TreewireError("TW_BAD_CONFIG", path, { detail: systemCode(error) ?? messageOf(error), cause: error });
  }
}

/** The value of a setting that is text, or `undefined`. */
export function textOf({ value }: EffectiveSetting): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** The value of a setting that is a number, or `undefined`. */
export function numberOf({ value }: EffectiveSetting): number | undefined {
  return typeof value === "number" ? value : undefined;
}

/** The entries of a setting that is a list. */
export function listOf({ value }: EffectiveSetting): readonly string[] {
  return Array.isArray(value) ? value : [];
}

function parseFile({ path, text }: SettingsFile, names: readonly string[]): Record<string, unknown> {
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

/** A variable is a slip when hardly anything parts it from one of ours. All others are of somebody else. */
function refuseSlips(table: SettingsTable, environment: NodeJS.ProcessEnv): void {
  const known = [...Object.keys(table.settings), CONFIG].map((name) => variableOf(table, name));
  for (const variable of Object.keys(environment)) {
    if (!variable.startsWith("TREEWIRE_") || known.includes(variable)) continue;
    if (nearest(variable, known, SLIP_LETTERS) === undefined) continue;
    throw new TreewireError("TW_BAD_CONFIG", "the environment", { detail: unknown(variable, known) });
  }
}

function unknown(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  return meant === undefined ? `${name} is not a setting` : `${name} is not a setting; did you mean ${meant}?`;
}

function fromCommandLine({ kind }: Setting, value: unknown): unknown {
  return kind === "number" && typeof value === "string" ? toNumber(value) : value;
}

function fromEnvironment(setting: Setting, text: string | undefined): unknown {
  if (text === undefined || text === "") return undefined; // as other programs have it: empty is unset
  if (setting.kind === "number") return toNumber(text);
  return setting.kind === "list" ? text.split(setting.separator ?? ":").filter((entry) => entry !== "") : text;
}

function toNumber(text: string): number {
  return text.trim() === "" ? Number.NaN : Number(text);
}

/** @throws TreewireError `TW_BAD_CONFIG`; the value is not repeated: it may be a secret */
function check(setting: Setting, value: unknown, from: string): SettingValue {
  const refuse = (wanted: string) => new TreewireError("TW_BAD_CONFIG", from, { detail: `it must be ${wanted}` });
  switch (setting.kind) {
    case "list":
      if (Array.isArray(value) && value.every((entry) => typeof entry === "string")) return value;
      throw refuse("a list of strings");
    case "number":
      if (typeof value === "number" && Number.isFinite(value) && value >= 0 && !(setting.positive && value === 0)) {
        return value;
      }
      throw refuse(setting.positive ? "a number over 0" : "a number");
    case "choice":
      if (typeof value === "string" && setting.choices?.includes(value)) return value;
      throw refuse(`one of ${setting.choices?.join(", ")}`);
    default:
      if (typeof value === "string") return value;
      throw refuse("a string");
  }
}
