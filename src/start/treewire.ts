import { existsSync } from "node:fs";
import yargs, { type Argv } from "yargs";
import {
  answerAbout,
  argumentsError,
  badArguments,
  COMPLETE,
  endParser,
  nearest,
  noCommand,
  runProgram,
  TreewireError,
} from "../util/index.js";
import { completionScript, SHELLS } from "./completion.js";

/** Runs a program under a name, with what stands behind it. Leaves the process. */
type Run = (args: readonly string[], name: string) => Promise<never>;

/** The programs of other rooms. */
export interface Programs {
  agent: Run;
  relay: Run;
}

/** What is to be done. @returns the exit status */
type Action = () => Promise<number>;

/** What belongs to the programs of others, for the help alone: what they take they say by themselves. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  diff: "Print what differs from HEAD",
  watch: "Show a live diff in the terminal, by a link or a chat",
  agent: "What runs in a workspace: streams its diffs to a relay; looks at them",
  relay: "The server: serve, invite, token, chat",
};
const COMMANDS = [...Object.keys(ELSEWHERE), "completion"];

/**
 * The program `treewire`: hands its commands to the programs that they belong to, each of which is loaded alone, and shows a
 * working tree on its own. Leaves the process.
 *
 * @param args what stands behind its name
 */
export function runTreewire(args: readonly string[], programs: Programs): Promise<never> {
  const isQuestion = args[0] === COMPLETE && args.length > 2;
  // a shell's question goes to the program that the words before the last one name
  const [ask, words] = isQuestion ? [[COMPLETE], args.slice(1)] : [[], args];
  const [first = "", ...rest] = words;
  switch (first) {
    case "agent":
      return programs.agent([...ask, ...rest], "treewire agent");
    case "relay":
      return programs.relay([...ask, ...rest], "treewire relay");
    case "diff":
      return programs.agent(args, "treewire");
    case "watch":
      return programs.relay(args, "treewire");
    default:
      return runProgram("treewire", () => run(args));
  }
}

async function run(args: readonly string[]): Promise<number> {
  const about = await answerAbout(args, "treewire", [["completion"]], (some) => parserOf(some, () => {}));
  if (about !== undefined) {
    process.stdout.write(about);
    return 0;
  }
  let action: Action = async () => 0;
  const parser = parserOf(args, (chosen) => {
    action = chosen;
  });
  let printed = false;
  await parser.parseAsync([...args], {}, (_error, _args, output) => {
    printed = output !== "";
    if (printed) process.stdout.write(`${output}\n`);
  });
  return printed ? 0 : action();
}

/** @param choose takes what the command that was given does */
function parserOf(args: readonly string[], choose: (action: Action) => void): Argv {
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
      ({ path, open }) =>
        choose(async () => {
          const meant = existsSync(path) ? undefined : nearest(path, COMMANDS);
          if (meant !== undefined) throw badArguments(noCommand(path, meant), "treewire");
          return (await import("./start.js")).start(path, open);
        }),
    )
    .command(
      "completion <shell>",
      "Print a script that completes commands: bash, zsh or fish",
      (y) => y.positional("shell", { choices: SHELLS, demandOption: true, describe: "whose script" }),
      ({ shell }) =>
        choose(async () => {
          process.stdout.write(completionScript(shell));
          return 0;
        }),
    )
    .strict()
    .exitProcess(false)
    .fail((message, error) => {
      if (error instanceof TreewireError) throw error;
      const known = { options: ["open"], commands: COMMANDS, program: "treewire" };
      throw argumentsError(message ?? error.message, args, known);
    });
  for (const [name, describe] of Object.entries(ELSEWHERE)) parser.command(name, describe);
  return endParser(parser);
}
