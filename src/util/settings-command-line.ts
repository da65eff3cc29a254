import type { Argv, Options } from "yargs";
import { TreewireError } from "./errors.js";
import { nearest } from "./nearest.js";
import { CONFIG, type Setting, type SettingsTable, variableOf } from "./settings.js";

/**
 * Adds settings to a command as its options, with `--config`. What yargs does not see stays `undefined`: defaults are the
 * table's business.
 *
 * @param names default: all that the command line takes
 */
export function withSettings<T, N extends string>(
  parser: Argv<T>,
  table: SettingsTable<N>,
  names: readonly N[] = settingOptions(table),
): Argv<T & { config: string | undefined }> {
  let extended: Argv<T> = parser;
  for (const name of names) extended = extended.option(name, optionOf(table.settings[name])) as Argv<T>;
  return extended.option(CONFIG, {
    type: "string",
    requiresArg: true,
    describe: `a file of settings (TOML); or ${variableOf(table, CONFIG)}`,
  }) as Argv<T & { config: string | undefined }>;
}

/** The settings that the command line takes. */
export function settingOptions<N extends string>({ settings }: SettingsTable<N>): N[] {
  return (Object.keys(settings) as N[]).filter((name) => settings[name].notOnCommandLine !== true);
}

function optionOf({ kind, describe, choices, default: standard }: Setting): Options {
  const shown = standard === undefined || standard.toString() === "" ? describe : `${describe}; default: ${standard}`;
  if (kind === "list") return { type: "string", array: true, nargs: 1, describe: shown };
  return { type: "string", requiresArg: true, describe: shown, ...(choices !== undefined && { choices }) };
}

/** What a program takes. */
export interface KnownWords {
  /** Options, without their hyphens. */
  options: readonly string[];
  commands: readonly string[];
  /** Its name, as it was called. */
  program: string;
}

/** The error of arguments that make no sense. @param subject the command, or the program where it is none's */
export function badArguments(detail: string, subject: string): TreewireError {
  return new TreewireError("TW_BAD_USAGE", subject, { detail });
}

/**
 * yargs' words about arguments as an error, with what was probably meant.
 *
 * @param message yargs'
 * @param given the arguments: yargs says of neither an option nor a command which of the two it was
 */
export function argumentsError(message: string, given: readonly string[], known: KnownWords): TreewireError {
  const subject = known.commands.find((command) => given.includes(command)) ?? known.program;
  const unknown = /^Unknown (?:argument|command)s?: (.*)$/s.exec(message)?.[1]?.split(", ");
  if (unknown === undefined) return badArguments(message, subject);
  // of a command that is not there yargs knows no option either; an option is named twice, `log-x, logX`
  const command = unknown.find((name) => given.includes(name));
  const name = command ?? unknown[0] ?? "";
  const meant = nearest(name, command === undefined ? known.options : known.commands);
  if (meant === undefined) return badArguments(`Unknown argument: ${name}`, subject);
  return badArguments(
    command === undefined ? `Unknown argument: ${name}; did you mean --${meant}?` : noCommand(name, meant),
    subject,
  );
}

/** What is said of a command that is not there. @param meant the one that is most like it */
export function noCommand(given: string, meant: string): string {
  return `no command ${given}; did you mean ${meant}?`;
}
