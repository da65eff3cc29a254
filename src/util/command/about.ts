import type { Argv } from "yargs";

/** Before the words of which the last one is to be completed. */
export const COMPLETE = "--complete";
/** Prints the help of every command, for manual pages. */
export const HELP_ALL = "--help-all";

/** The help of one command. */
export interface CommandHelp {
  /** As it is typed, with its program. */
  command: string;
  help: string;
}

/**
 * Answers what shells and the build ask of a program: how its words may go on, and the help of all its commands.
 *
 * @param args as the program was given them
 * @param name of the program
 * @param paths of its commands, in words
 * @param makeParser a new one, of which no command will run
 * @returns what is to be printed; `undefined`: they ask for neither
 */
export async function answerAbout(
  args: readonly string[],
  name: string,
  paths: readonly (readonly string[])[],
  makeParser: (args: readonly string[]) => Argv,
): Promise<string | undefined> {
  if (args[0] === COMPLETE) return complete(makeParser, name, paths, args.slice(1));
  if (args[0] !== HELP_ALL) return undefined;
  const pages: CommandHelp[] = [];
  for (const path of [[], ...paths]) {
    pages.push({ command: [name, ...path].join(" "), help: await helpOf(makeParser, path) });
  }
  return `${JSON.stringify(pages)}\n`;
}

/**
 * How the last word may go on, one a line: commands, options, or what an argument may be, as the help of the command before it
 * has them. (The parser's own completion knows neither commands of commands nor what must not be missing.)
 */
async function complete(
  makeParser: (args: readonly string[]) => Argv,
  name: string,
  paths: readonly (readonly string[])[],
  words: readonly string[],
): Promise<string> {
  const [last = ""] = words.slice(-1);
  const before = words.slice(0, -1);
  const [path = []] = [...paths]
    .sort((a, b) => b.length - a.length)
    .filter((each) => each.every((word, at) => before[at] === word));
  const help = await helpOf((args) => makeParser(args).wrap(null), path);
  const option = before.at(-1)?.startsWith("--")
    ? linesOf(help, "Options").find((line) => line.includes(`${before.at(-1)} `))
    : undefined;
  const values = option === undefined ? [] : choicesIn(option);
  if (values.length > 0) return fitting(values, last);
  if (last.startsWith("-")) return fitting(linesOf(help, "Options").flatMap(optionsIn), last);
  const prefix = [name, ...path, ""].join(" ");
  const commands = linesOf(help, "Commands").flatMap((line) => {
    const [word = ""] = line.trim().slice(prefix.length).split(/\s/, 1);
    return /^[a-z]/.test(word) && line.trim().startsWith(prefix) ? [word] : [];
  });
  return fitting([...commands, ...linesOf(help, "Positionals").flatMap(choicesIn)], last);
}

function fitting(words: readonly string[], start: string): string {
  return [...new Set(words)]
    .filter((word) => word.startsWith(start))
    .map((word) => `${word}\n`)
    .join("");
}

/** The lines below a heading of a help. */
function linesOf(help: string, heading: string): string[] {
  const lines = help.split("\n");
  const at = lines.indexOf(`${heading}:`);
  const section = at < 0 ? [] : lines.slice(at + 1);
  const end = section.indexOf("");
  return end < 0 ? section : section.slice(0, end);
}

function optionsIn(line: string): string[] {
  return /^\s+(?:-\w, )?(--[\w-]+)/.exec(line)?.slice(1) ?? [];
}

function choicesIn(line: string): string[] {
  const list = /\[choices: ([^\]]*)\]/.exec(line)?.[1] ?? "";
  return [...list.matchAll(/"([^"]*)"/g)].map(([, choice = ""]) => choice);
}

async function helpOf(makeParser: (args: readonly string[]) => Argv, path: readonly string[]): Promise<string> {
  let help = "";
  const args = [...path, "--help"];
  await makeParser(args).parseAsync(args, {}, (_error, _args, output) => {
    help = output;
  });
  return help;
}
