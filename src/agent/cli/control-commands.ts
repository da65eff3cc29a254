import { resolve } from "node:path";
import type { Argv } from "yargs";
import { badArguments, withSettings } from "../../util/index.js";
import { AGENT_SETTINGS, agentSettings } from "./settings.js";

/** What a command does with its arguments. @returns the exit status */
export type Action = () => Promise<number>;

/** The settings that say where the agent listens. */
const ASKING = ["socket", "state-dir"] as const;
const JSON_LINE = { type: "boolean", default: false, describe: "as JSON, on one line" } as const;
const PATHS = { type: "string", array: true, default: [] as string[] } as const;

/**
 * Adds the commands that ask a running agent, and the one that prints the settings.
 *
 * @param choose takes what the command that was given does
 */
export function addControlCommands(parser: Argv, choose: (action: Action) => void): Argv {
  return addConfig(addStatus(addUntrack(addTrack(parser, choose), choose), choose), choose);
}

// Each action loads what it needs by itself: `track` starts in hooks.
const commands = () => import("./commands.js");

function addTrack(parser: Argv, choose: (action: Action) => void): Argv {
  return parser.command(
    "track [paths..]",
    "Tell the running agent that a chat has touched paths",
    (y) =>
      withSettings(y, AGENT_SETTINGS, ASKING)
        .positional("paths", PATHS)
        .option("chat", { type: "string", requiresArg: true, describe: "the chat's UUID" })
        .option("ancestor", {
          ...{ type: "string", array: true, nargs: 1, default: [] as string[] },
          describe: "a chat that sees what this one sees; may be repeated",
        })
        .option("base", {
          type: "string",
          requiresArg: true,
          describe: "the ref that the chat's trees are compared with as their base",
        })
        .option("hook", {
          type: "boolean",
          default: false,
          describe: "as a coding agent's hook: take chat and path from its JSON on standard input",
        }),
    ({ chat, ancestor, paths, base, hook, ...args }) =>
      choose(async () => {
        const { track, trackHook } = await commands();
        if (hook) return trackHook(() => agentSettings(args), { chat, ancestors: ancestor });
        if (chat === undefined) throw badArguments("give --chat UUID", "track");
        if (paths.length === 0) throw badArguments("give at least one path", "track");
        const touched = paths.map((path) => resolve(path));
        return track(agentSettings(args), { chat, ancestors: ancestor, paths: touched, base });
      }),
  );
}

function addUntrack(parser: Argv, choose: (action: Action) => void): Argv {
  return parser.command(
    "untrack [paths..]",
    "Tell the running agent to forget paths of a chat, or all of them",
    (y) =>
      withSettings(y, AGENT_SETTINGS, ASKING)
        .positional("paths", PATHS)
        .option("chat", { type: "string", demandOption: true, requiresArg: true, describe: "the chat's UUID" }),
    ({ chat, paths, ...args }) =>
      choose(async () => {
        const { untrack } = await commands();
        return untrack(agentSettings(args), { chat, paths: paths.map((path) => resolve(path)) });
      }),
  );
}

function addStatus(parser: Argv, choose: (action: Action) => void): Argv {
  return parser.command(
    "status",
    "Say how the running agent is",
    (y) => withSettings(y, AGENT_SETTINGS, ASKING).option("json", JSON_LINE),
    ({ json, ...args }) => choose(async () => (await commands()).status(agentSettings(args), json)),
  );
}

function addConfig(parser: Argv, choose: (action: Action) => void): Argv {
  return parser.command(
    "config",
    "Print the settings as they count, and where each came from",
    (y) => withSettings(y, AGENT_SETTINGS).option("json", JSON_LINE),
    ({ json, ...args }) => choose(async () => (await commands()).config(agentSettings(args), json)),
  );
}
