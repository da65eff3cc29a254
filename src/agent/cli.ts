import yargs from "yargs";
import { LOG_LEVELS, runProgram, TreewireError, VERSION } from "../util/index.js";

const badUsage = (detail: string) => new TreewireError("TW_BAD_USAGE", "arguments", { detail });

/** The program `agent`. @param argv what stands behind its name. Leaves the process */
export function runAgent(argv: readonly string[]): Promise<never> {
  return runProgram("agent", () => run(argv));
}

async function run(argv: readonly string[]): Promise<number> {
  const args = await yargs(argv)
    .scriptName("agent")
    .usage(
      [
        "$0 --once [--format diff|json|stat] [--exit-code] [PATH...]",
        "  Prints what differs from HEAD in the working trees that hold the paths (default: here).",
        "$0 --relay URL (--token-file FILE | env TREEWIRE_AGENT_TOKEN) [--root DIR]...",
        "  Streams it to a relay until SIGTERM or SIGINT.",
      ].join("\n"),
    )
    .option("once", { type: "boolean", describe: "scan, print, leave" })
    .option("format", {
      choices: ["diff", "json", "stat"] as const,
      default: "diff" as const,
      describe: "what to print",
    })
    .option("exit-code", { type: "boolean", default: false, describe: "leave with 1 if anything differs" })
    .option("relay", { type: "string", requiresArg: true, describe: "the relay's URL" })
    .option("token-file", { type: "string", requiresArg: true, describe: "a file with the agent's token, alone" })
    .option("root", {
      type: "string",
      array: true,
      nargs: 1,
      default: [],
      defaultDescription: "here",
      describe: "where repositories are looked for, for chats that name no path; may be repeated",
    })
    .option("state-dir", { type: "string", requiresArg: true, describe: "where the agent remembers across restarts" })
    .option("log-level", { choices: LOG_LEVELS, default: "info" as const, describe: "the least that is logged" })
    .conflicts("once", ["relay", "token-file", "state-dir"])
    .strictOptions()
    .version(VERSION)
    .help()
    .fail((message, error) => {
      throw error instanceof TreewireError ? error : badUsage(message ?? error.message);
    })
    .parseAsync();

  const paths = args._.map(String);
  // each part is loaded only where it is used: `--once` starts in hooks and prompts
  if (args.once === true) {
    const { runOnceCommand } = await import("./once.js");
    return runOnceCommand({ paths, format: args.format, exitCode: args.exitCode });
  }
  if (args.relay === undefined) throw badUsage("give --once, or --relay URL");
  if (paths.length > 0) throw badUsage(`paths go with --once: ${paths[0]}`);
  const { runDaemonCommand } = await import("./daemon-command.js");
  return runDaemonCommand({
    relay: args.relay,
    tokenFile: args.tokenFile,
    root: args.root,
    logLevel: args.logLevel,
  });
}
