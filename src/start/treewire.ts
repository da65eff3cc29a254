import { existsSync } from "node:fs";
import yargs from "yargs";
import {
  argumentsError,
  badArguments,
  endParser,
  nearest,
  noCommand,
  runProgram,
  TreewireError,
} from "../util/index.js";

/** Runs a program under a name, with what stands behind it. Leaves the process. */
type Run = (args: readonly string[], name: string) => Promise<never>;

/** The programs of other rooms. */
export interface Programs {
  agent: Run;
  relay: Run;
}

const COMMANDS: Readonly<Record<string, string>> = {
  diff: "Print what differs from HEAD",
  watch: "Show a live diff in the terminal, by a link or a chat",
  agent: "What runs in a workspace: streams its diffs to a relay; looks at them",
  relay: "The server: serve, invite, token, chat",
  completion: "Print a script that completes commands: bash, zsh or fish",
};

/**
 * The program `treewire`: hands its commands to the programs that they belong to, each of which is loaded alone, and shows a
 * working tree on its own. Leaves the process.
 *
 * @param args what stands behind its name
 */
export function runTreewire(args: readonly string[], programs: Programs): Promise<never> {
  const [first = "", ...rest] = args;
  switch (first) {
    case "agent":
      return programs.agent(rest, "treewire agent");
    case "relay":
      return programs.relay(rest, "treewire relay");
    case "diff":
      return programs.agent(args, "treewire");
    case "watch":
      return programs.relay(args, "treewire");
    default:
      return runProgram("treewire", () => run(args));
  }
}

async function run(args: readonly string[]): Promise<number> {
  let status: (() => Promise<number>) | undefined;
  const parser = yargs([...args])
    .scriptName("treewire")
    .usage("$0 [PATH]: shows the live diff of the working tree at PATH, in the terminal and on a page")
    .command(
      "$0 [path]",
      "Show the working tree at PATH, or the repositories in it (default: here)",
      (y) =>
        y
          .positional("path", { type: "string", default: "." })
          .option("open", { type: "boolean", default: false, describe: "open the page in a browser" }),
      ({ path, open }) => {
        status = async () => {
          const meant = existsSync(path) ? undefined : nearest(path, Object.keys(COMMANDS));
          if (meant !== undefined) throw badArguments(noCommand(path, meant), "treewire");
          return (await import("./start.js")).start(path, open);
        };
      },
    )
    .strict()
    .exitProcess(false)
    .fail((message, error) => {
      if (error instanceof TreewireError) throw error;
      const known = { options: ["open"], commands: Object.keys(COMMANDS), program: "treewire" };
      throw argumentsError(message ?? error.message, args, known);
    });
  // for the help alone: what they take they say by themselves
  for (const [name, describe] of Object.entries(COMMANDS)) parser.command(name, describe);
  await endParser(parser).parseAsync([...args], {}, (_error, _args, output) => {
    if (output !== "") process.stdout.write(`${output}\n`);
  });
  return status === undefined ? 0 : status();
}
