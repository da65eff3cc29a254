import type { SecretsMode } from "../../protocol/index.js";
import {
  type EffectiveSettings,
  LOG_LEVELS,
  listOf,
  readConfigFile,
  resolveSettings,
  type Setting,
  type SettingsTable,
} from "../../util/index.js";
import type { FilterPolicy, WatcherKind } from "../../worktree/index.js";

/** The daemon's settings. */
const SETTINGS = {
  relay: { kind: "text", describe: "the relay's URL" },
  "token-file": { kind: "text", describe: "a file with the agent's token, alone; it is read again on every attempt" },
  "agent-token": { kind: "text", describe: "the token itself", secret: true, notOnCommandLine: true },
  root: {
    kind: "list",
    describe: "where repositories are looked for, for chats that name no path; default: here; may be repeated",
  },
  "allow-root": {
    kind: "list",
    describe: "a directory besides the roots whose trees a relay may ask for; may be repeated",
  },
  "state-dir": {
    kind: "text",
    describe: "where the agent remembers across restarts; default: ~/.local/state/treewire",
  },
  socket: { kind: "text", describe: "the control socket; default: in the runtime directory" },
  filters: {
    kind: "choice",
    describe: "whose git filters are run: the user's own, all, or none (--once: all)",
    choices: ["user", "all", "none"] satisfies FilterPolicy[],
    default: "user",
  },
  secrets: {
    kind: "choice",
    describe: "what becomes of what looks like a secret in what is sent",
    choices: ["withhold", "send"] satisfies SecretsMode[],
    default: "withhold",
  },
  "secrets-allow": { kind: "list", describe: "a glob of files that are sent as they are; may be repeated" },
  "secrets-deny": { kind: "list", describe: "a glob of files that are withheld; may be repeated" },
  watcher: {
    kind: "choice",
    describe: "where events of files come from; default: inotify on Linux, else parcel",
    choices: ["inotify", "parcel", "poll"] satisfies WatcherKind[],
  },
  "log-level": { kind: "choice", describe: "the least that is logged", choices: LOG_LEVELS, default: "info" },
  "ca-file": { kind: "text", describe: "certificates that the relay's is checked against, as PEM" },
  "cert-file": { kind: "text", describe: "the certificate that the agent shows the relay, as PEM" },
  "key-file": { kind: "text", describe: "its key, as PEM" },
  header: {
    kind: "list",
    describe: "NAME: VALUE, sent to the relay or what stands before it; may be repeated",
    secret: true,
    separator: "\n",
  },
} as const satisfies Record<string, Setting>;

export type AgentSettingName = keyof typeof SETTINGS;
export type AgentSettings = EffectiveSettings<AgentSettingName>;

/** Options on the command line, variables of the environment, keys of the configuration file: docs/install.md lists them. */
export const AGENT_SETTINGS: SettingsTable<AgentSettingName> = {
  program: "agent",
  prefix: "TREEWIRE_",
  settings: SETTINGS,
};

/** Whose filters a command runs. @param value of the setting `filters`; undefined: it was not given */
export function filterPolicy(value: unknown, fallback: FilterPolicy): FilterPolicy {
  return value === "user" || value === "all" || value === "none" ? value : fallback;
}

/** The patterns of files that the settings add to those that are known to hold secrets. */
export function secretLists(settings: AgentSettings): { allow: readonly string[]; deny: readonly string[] } {
  return { allow: listOf(settings["secrets-allow"]), deny: listOf(settings["secrets-deny"]) };
}

/** Where events come from. @param value of the setting `watcher`; undefined: it was not given */
export function watcherKind(value: unknown, fallback: WatcherKind): WatcherKind {
  return value === "inotify" || value === "parcel" || value === "poll" ? value : fallback;
}

/**
 * The settings as they count.
 *
 * @param commandLine by name, with `config`; `undefined` where an option was not given
 * @throws TreewireError `TW_BAD_CONFIG`
 */
export function agentSettings(
  commandLine: Readonly<Record<string, unknown>>,
  environment: NodeJS.ProcessEnv = process.env,
): AgentSettings {
  const file = readConfigFile(AGENT_SETTINGS, { commandLine, environment });
  return resolveSettings(AGENT_SETTINGS, { commandLine, environment, file });
}
