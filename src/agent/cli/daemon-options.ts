import type { Argv } from "yargs";
import { withSettings } from "../../util/index.js";
import { agentFile, type JoinRequest } from "./join-request.js";
import { AGENT_SETTINGS, type AgentSettings, agentSettings } from "./settings.js";

/** Adds the settings, and the options by which an agent joins a relay. */
export function withJoin<T>(parser: Argv<T>) {
  return withSettings(parser, AGENT_SETTINGS)
    .option("join", {
      type: "string",
      requiresArg: true,
      describe: "a link of `treewire relay invite`, or - for standard input: fetch a token, keep it, and stream",
    })
    .option("config-dir", {
      type: "string",
      requiresArg: true,
      describe: "where --join keeps agent.toml and the token, and where they are found; default: ~/.config/treewire",
    })
    .option("force", { type: "boolean", default: false, describe: "with --join: replace what is there" })
    .option("insecure", { type: "boolean", default: false, describe: "with --join: also over plain http" });
}

/** The settings as they count, those of `--config-dir` among them. @throws TreewireError `TW_BAD_CONFIG` */
export function daemonSettings(args: Readonly<Record<string, unknown>>): AgentSettings {
  const { configDir } = args;
  return agentSettings(typeof configDir === "string" ? { config: agentFile(configDir), ...without(args) } : args);
}

/** Joins if asked to, and runs the daemon until it is told to stop. @returns the exit status */
export async function runDaemon(
  args: Readonly<Record<string, unknown>>,
  request: JoinRequest | undefined,
  name: string,
): Promise<number> {
  const { runDaemonCommand } = await import("./run-daemon.js");
  if (request === undefined) return runDaemonCommand(daemonSettings(args), name);
  const { joinRelay } = await import("./join.js");
  const joined = await joinRelay(request);
  return runDaemonCommand(agentSettings({ ...args, ...joined }), name);
}

/** Without the file that is not named. */
function without(args: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined));
}
