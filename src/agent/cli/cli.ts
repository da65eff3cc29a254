import yargs from "yargs";
import {
  argumentsError,
  badArguments,
  nearest,
  noCommand,
  runProgram,
  settingOptions,
  TreewireError,
  VERSION,
  withSettings,
} from "../../util/index.js";
import type { SecretsPolicy } from "../trees/secrets-policy.js";
import { type Action, addControlCommands } from "./control-commands.js";
import { AGENT_SETTINGS, agentSettings, filterPolicy, secretLists } from "./settings.js";

/** The program `agent`. @param argv what stands behind its name. Leaves the process */
export function runAgent(argv: readonly string[]): Promise<never> {
  return runProgram("agent", () => run(argv));
}

const COMMANDS = ["track", "untrack", "status", "config", "install-service"];
/** Options besides the settings, of any command. */
const OPTIONS = [
  "once",
  "format",
  "compare",
  "exit-code",
  "redact",
  "config",
  "chat",
  "ancestor",
  "hook",
  "json",
  "user",
  "for",
  "print",
];

/** Each part is loaded only where it is used: `--once` and `track` start in hooks and prompts. */
async function run(argv: readonly string[]): Promise<number> {
  let action: Action = () => Promise.reject(badArguments("give --once, or --relay URL"));
  const choose = (chosen: Action) => {
    action = chosen;
  };
  const parser = addControlCommands(yargs([...argv]).scriptName("agent"), choose)
    .command(
      "$0 [paths..]",
      "Print what differs from HEAD (--once), or stream it to a relay (--relay)",
      (y) =>
        withSettings(y, AGENT_SETTINGS)
          .positional("paths", {
            type: "string",
            array: true,
            default: [],
            describe: "with --once: inside a working tree",
          })
          .option("once", {
            type: "boolean",
            describe: "scan the trees that hold the paths (default: here), print, leave",
          })
          .option("format", {
            choices: ["diff", "json", "stat", "commits"] as const,
            default: "diff" as const,
            describe: "with --once: what is printed",
          })
          .option("compare", {
            type: "string",
            requiresArg: true,
            default: "head",
            describe: "with --once: head, base, ref:NAME or commit:OID",
          })
          .option("exit-code", {
            type: "boolean",
            default: false,
            describe: "with --once: leave with 1 if anything differs",
          })
          .option("redact", {
            type: "boolean",
            default: false,
            describe: "with --once: hide what an agent would not send",
          })
          .conflicts("once", ["relay", "token-file", "state-dir"]),
      ({ paths, once, format, compare, exitCode, redact, ...args }) =>
        choose(async () => {
          if (once === true) {
            const { runOnceCommand } = await import("./once-command.js");
            const secrets = redact ? await secretsPolicy(args) : undefined;
            const filters = filterPolicy(args.filters, "all");
            return runOnceCommand({ paths, format, compare, exitCode, filters, secrets });
          }
          const [path] = paths;
          if (path !== undefined) throw badArguments(strayPath(path));
          const { runDaemonCommand } = await import("./run-daemon.js");
          return runDaemonCommand(agentSettings(args));
        }),
    )
    .command(
      "install-service",
      "Install the agent as a service of systemd, and start it",
      (y) =>
        y
          .option("user", { type: "boolean", describe: "your own service, for systemctl --user" })
          .option("for", {
            type: "string",
            requiresArg: true,
            describe: "whose trees it watches; default: who called sudo",
          })
          .option("print", { type: "boolean", default: false, describe: "only print the unit" })
          .conflicts("user", "for"),
      ({ user, print, for: name }) =>
        choose(async () => {
          const { installService } = await import("./install-service.js");
          return installService({ user: user === true, print, for: name });
        }),
    )
    .strict()
    .version(VERSION)
    .help()
    .epilogue(
      "Every setting may also stand in the environment (TREEWIRE_LOG_LEVEL for --log-level) or in a file (--config).",
    )
    .exitProcess(false)
    .fail((message, error) => {
      if (error instanceof TreewireError) throw error;
      const options = [...settingOptions(AGENT_SETTINGS), ...OPTIONS];
      throw argumentsError(message ?? error.message, argv, { options, commands: COMMANDS });
    });
  let printed = false;
  await parser.parseAsync([...argv], {}, (_error, _args, output) => {
    printed = output !== "";
    if (printed) process.stdout.write(`${output}\n`);
  });
  return printed ? 0 : action();
}

/** What the daemon with the same settings would hide. */
async function secretsPolicy(args: Readonly<Record<string, unknown>>): Promise<SecretsPolicy> {
  const { SecretsPolicy } = await import("../trees/secrets-policy.js");
  return new SecretsPolicy(secretLists(agentSettings(args)));
}

function strayPath(path: string): string {
  const meant = nearest(path, COMMANDS);
  return meant === undefined ? `paths go with --once: ${path}` : noCommand(path, meant);
}
