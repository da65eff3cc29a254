import { resolve } from "node:path";
import yargs, { type Argv, type Options } from "yargs";
import { nearest, runProgram, type Setting, TreewireError, VERSION, variableOf } from "../../util/index.js";
import { AGENT_SETTINGS, type AgentSettings, agentSettings, NOT_ON_THE_COMMAND_LINE } from "./settings.js";

/** The program `agent`. @param argv what stands behind its name. Leaves the process */
export function runAgent(argv: readonly string[]): Promise<never> {
  return runProgram("agent", () => run(argv));
}

const badUsage = (detail: string) => new TreewireError("TW_BAD_USAGE", "arguments", { detail });

/** What a command does with its arguments. @returns the exit status */
type Action = () => Promise<number>;

/** Each part is loaded only where it is used: `--once` and `track` start in hooks and prompts. */
async function run(argv: readonly string[]): Promise<number> {
  let action: Action = () => Promise.reject(badUsage("give --once, or --relay URL"));
  const parser = yargs([...argv])
    .scriptName("agent")
    .command(
      "$0 [paths..]",
      "Print what differs from HEAD (--once), or stream it to a relay (--relay)",
      (y) =>
        withSettings(y)
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
            choices: ["diff", "json", "stat"] as const,
            default: "diff" as const,
            describe: "with --once: what is printed",
          })
          .option("exit-code", {
            type: "boolean",
            default: false,
            describe: "with --once: leave with 1 if anything differs",
          })
          .conflicts("once", ["relay", "token-file", "state-dir"]),
      (args) => {
        action = async () => {
          if (args.once === true) {
            const { runOnceCommand } = await import("./once-command.js");
            return runOnceCommand({ paths: args.paths, format: args.format, exitCode: args.exitCode });
          }
          const [path] = args.paths;
          if (path !== undefined) throw badUsage(strayPath(path));
          const { runDaemonCommand } = await import("./run-daemon.js");
          return runDaemonCommand(settingsFrom(args));
        };
      },
    )
    .command(
      "track [paths..]",
      "Tell the running agent that a chat has touched paths",
      (y) =>
        withSocket(y)
          .positional("paths", { type: "string", array: true, default: [] as string[] })
          .option("chat", { type: "string", requiresArg: true, describe: "the chat's UUID" })
          .option("ancestor", {
            ...{ type: "string", array: true, nargs: 1, default: [] as string[] },
            describe: "a chat that sees what this one sees; may be repeated",
          })
          .option("hook", {
            type: "boolean",
            default: false,
            describe: "as a coding agent's hook: take chat and path from its JSON on standard input",
          }),
      ({ chat, ancestor, paths, hook, ...args }) => {
        action = async () => {
          const { track, trackHook } = await import("./commands.js");
          if (hook) return trackHook(() => settingsFrom(args), { chat, ancestors: ancestor });
          if (chat === undefined) throw badUsage("give --chat UUID");
          if (paths.length === 0) throw badUsage("give at least one path");
          return track(settingsFrom(args), { chat, ancestors: ancestor, paths: paths.map((path) => resolve(path)) });
        };
      },
    )
    .command(
      "untrack [paths..]",
      "Tell the running agent to forget paths of a chat, or all of them",
      (y) =>
        withSocket(y)
          .positional("paths", { type: "string", array: true, default: [] as string[] })
          .option("chat", { type: "string", demandOption: true, requiresArg: true, describe: "the chat's UUID" }),
      (args) => {
        action = async () => {
          const { untrack } = await import("./commands.js");
          return untrack(settingsFrom(args), { chat: args.chat, paths: args.paths.map((path) => resolve(path)) });
        };
      },
    )
    .command(
      "status",
      "Say how the running agent is",
      (y) => withSocket(y).option("json", { type: "boolean", default: false, describe: "as JSON, on one line" }),
      (args) => {
        action = async () => (await import("./commands.js")).status(settingsFrom(args), args.json);
      },
    )
    .command(
      "config",
      "Print the settings as they count, and where each came from",
      (y) => withSettings(y).option("json", { type: "boolean", default: false, describe: "as JSON, on one line" }),
      (args) => {
        action = async () => (await import("./commands.js")).config(settingsFrom(args), args.json);
      },
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
      ({ user, print, for: name }) => {
        action = async () =>
          (await import("./install-service.js")).installService({ user: user === true, print, for: name });
      },
    )
    .strict()
    .version(VERSION)
    .help()
    .epilogue(
      "Every setting may also stand in the environment (TREEWIRE_LOG_LEVEL for --log-level) or in a file (--config).",
    )
    .exitProcess(false)
    .fail((message, error) => {
      throw error instanceof TreewireError ? error : badUsage(withNearest(message ?? error.message));
    });
  let told = false;
  await parser.parseAsync([...argv], {}, (_error, _args, output) => {
    told = output !== "";
    if (told) process.stdout.write(`${output}\n`);
  });
  return told ? 0 : action();
}

/** The daemon's settings as options. What yargs does not see stays `undefined`: defaults are the table's business. */
function withSettings<T>(parser: Argv<T>) {
  let extended: Argv<T> = parser;
  for (const [name, setting] of Object.entries<Setting>(AGENT_SETTINGS)) {
    if (!NOT_ON_THE_COMMAND_LINE.includes(name as keyof typeof AGENT_SETTINGS)) {
      extended = extended.option(name, optionOf(setting)) as Argv<T>;
    }
  }
  return extended.option("config", {
    type: "string",
    requiresArg: true,
    describe: `a file of settings (TOML); or ${variableOf("config")}`,
  });
}

/** The settings that say where the agent listens. */
function withSocket<T>(parser: Argv<T>) {
  return parser
    .option("socket", optionOf(AGENT_SETTINGS.socket))
    .option("state-dir", optionOf(AGENT_SETTINGS["state-dir"]))
    .option("config", { type: "string", requiresArg: true, describe: "a file of settings (TOML)" });
}

function optionOf({ kind, describe, choices, default: standard }: Setting): Options {
  const shown = standard === undefined ? describe : `${describe}; default: ${standard}`;
  if (kind === "list") return { type: "string", array: true, nargs: 1, describe: shown };
  return { type: "string", requiresArg: true, describe: shown, ...(choices !== undefined && { choices }) };
}

function settingsFrom(args: Record<string, unknown>): AgentSettings {
  const config = args.config;
  return agentSettings(args, typeof config === "string" ? config : undefined);
}

/** Options besides the settings, of any command. */
const OPTIONS = ["once", "format", "exit-code", "config", "chat", "ancestor", "hook", "json", "user", "for", "print"];

/** yargs' words about an option that is not known, once where yargs names it `log-x, logX`, and what was probably meant. */
function withNearest(message: string): string {
  const unknown = /^Unknown arguments?: ([^,]+)/.exec(message)?.[1];
  if (unknown === undefined) return message;
  const settings = Object.keys(AGENT_SETTINGS).filter((name) => !NOT_ON_THE_COMMAND_LINE.some((one) => one === name));
  const meant = nearest(unknown, [...settings, ...OPTIONS]);
  return `Unknown argument: ${unknown}${meant === undefined ? "" : `; did you mean --${meant}?`}`;
}

function strayPath(path: string): string {
  const meant = nearest(path, ["track", "untrack", "status", "config", "install-service"]);
  return meant === undefined ? `paths go with --once: ${path}` : `no command ${path}; did you mean ${meant}?`;
}
