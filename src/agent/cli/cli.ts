import { existsSync } from "node:fs";
import yargs, { type Argv } from "yargs";
import {
  answerAbout,
  argumentsError,
  badArguments,
  endParser,
  hideLink,
  nearest,
  noCommand,
  runProgram,
  settingOptions,
  TreewireError,
  textOf,
} from "../../util/index.js";
import { type Action, addControlCommands } from "./control-commands.js";
import { daemonSettings, runDaemon, withJoin } from "./daemon-options.js";
import { joinRequest } from "./join-request.js";
import { type LookArguments, look, withLook } from "./look-options.js";
import { AGENT_SETTINGS } from "./settings.js";

/**
 * The program `agent`. Leaves the process.
 *
 * @param argv what stands behind its name
 * @param name as it was called: `treewire agent` is the same program
 */
export function runAgent(argv: readonly string[], name = "agent"): Promise<never> {
  hideLink(argv, name);
  return runProgram(name, () => run(argv, name));
}

const COMMANDS = ["run", "diff", "track", "untrack", "status", "config", "install-service"];
/** Options besides the settings, of any command. */
const OPTIONS = [
  ...["once", "format", "compare", "exit-code", "redact", "config", "join", "config-dir", "force", "insecure"],
  ...["chat", "ancestor", "hook", "json", "user", "for", "print"],
];

/** Each part is loaded only where it is used: `--once` and `track` start in hooks and prompts. */
async function run(argv: readonly string[], name: string): Promise<number> {
  let action: Action = () => Promise.reject(badArguments("give a command", name));
  const choose = (chosen: Action) => {
    action = chosen;
  };
  const about = await answerAbout(
    argv,
    name,
    COMMANDS.map((command) => [command]),
    (args) => parserOf(args, name, () => {}),
  );
  if (about !== undefined) {
    process.stdout.write(about);
    return 0;
  }
  let printed = false;
  await parserOf(argv, name, choose).parseAsync([...argv], {}, (_error, _args, output) => {
    printed = output !== "";
    if (printed) process.stdout.write(`${output}\n`);
  });
  return printed ? 0 : action();
}

/** @param choose takes what the command that was given does */
function parserOf(argv: readonly string[], name: string, choose: (action: Action) => void): Argv {
  const parser = addControlCommands(yargs([...argv]).scriptName(name), choose)
    .command(
      "$0 [paths..]",
      "Stream to a relay, if one is set or joined; else, or with paths, print what differs from HEAD",
      (y) =>
        withLook(withJoin(y))
          .option("once", { type: "boolean", describe: "print what differs from HEAD, whatever relay is set" })
          .conflicts("once", ["relay", "token-file", "state-dir", "join"]),
      (args) => choose(async () => (isLook(args) ? look(checked(args, name), name) : streamOrLook(args, name))),
    )
    .command(
      "run",
      "Stream to a relay: what units and scripts call",
      (y) => withJoin(y),
      (args) => choose(() => runDaemon(args, joinRequest(args, name), name)),
    )
    .command(
      "diff [paths..]",
      "Print what differs from HEAD in the trees that hold the paths (default: here)",
      (y) => withLook(y),
      (args) => choose(() => look(args, name)),
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
      ({ user, print, for: forWhom }) =>
        choose(async () => {
          const { installService } = await import("./install-service.js");
          return installService({ user: user === true, print, for: forWhom });
        }),
    )
    .strict()
    .epilogue(
      "Every setting may also stand in the environment (TREEWIRE_LOG_LEVEL for --log-level) or in a file (--config).",
    )
    .exitProcess(false)
    .fail((message, error) => {
      if (error instanceof TreewireError) throw error;
      const options = [...settingOptions(AGENT_SETTINGS), ...OPTIONS];
      throw argumentsError(message ?? error.message, argv, { options, commands: COMMANDS, program: name });
    });
  return endParser(parser);
}

type DefaultArguments = LookArguments & Parameters<typeof joinRequest>[0] & { once: boolean | undefined };

function isLook({ once, paths }: DefaultArguments): boolean {
  return once === true || paths.length > 0;
}

/** @throws TreewireError `TW_BAD_USAGE`: a path that is a slip of a command, or beside a relay */
function checked(args: DefaultArguments, name: string): DefaultArguments {
  const [path] = args.paths;
  if (args.once === true || path === undefined) return args;
  const meant = existsSync(path) ? undefined : nearest(path, COMMANDS);
  if (meant !== undefined) throw badArguments(noCommand(path, meant), name);
  if (args.relay !== undefined || args.join !== undefined) {
    throw badArguments(`a path is for a look, without a relay: ${path}; --root says what is streamed`, name);
  }
  return args;
}

async function streamOrLook(args: DefaultArguments, name: string): Promise<number> {
  const request = joinRequest(args, name);
  if (request !== undefined || textOf(daemonSettings(args).relay) !== undefined) return runDaemon(args, request, name);
  try {
    return await look(args, name, true);
  } catch (error) {
    if (!(error instanceof TreewireError && error.code === "TW_NOT_A_REPOSITORY")) throw error;
    throw badArguments("no relay is set, and here is no repository: give PATH, --relay URL or --join LINK", name);
  }
}
