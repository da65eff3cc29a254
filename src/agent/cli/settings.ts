import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  type EffectiveSetting,
  homeDirectory,
  LOG_LEVELS,
  readSettingsFile,
  resolveSettings,
  type Setting,
} from "../../util/index.js";

/** The daemon's settings: options on the command line, variables of the environment, keys of the configuration file. */
export const AGENT_SETTINGS = {
  relay: { kind: "text", describe: "the relay's URL" },
  "token-file": { kind: "text", describe: "a file with the agent's token, alone; it is read again on every attempt" },
  "agent-token": { kind: "text", describe: "the token itself", secret: true },
  root: {
    kind: "list",
    describe: "where repositories are looked for, for chats that name no path; default: here; may be repeated",
  },
  "state-dir": {
    kind: "text",
    describe: "where the agent remembers across restarts; default: ~/.local/state/treewire",
  },
  socket: { kind: "text", describe: "the control socket; default: in the runtime directory" },
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

export type AgentSettingName = keyof typeof AGENT_SETTINGS;
export type AgentSettings = Record<AgentSettingName, EffectiveSetting>;

/** Settings that the command line does not take: anybody on the machine can read it. */
export const NOT_ON_THE_COMMAND_LINE: readonly AgentSettingName[] = ["agent-token"];

/** Where the configuration file may be, if no other is named; the first that exists counts. */
export function configFiles(env: NodeJS.ProcessEnv = process.env): string[] {
  const home = homeDirectory();
  const config = env.XDG_CONFIG_HOME || (home && join(home, ".config"));
  return [...(config ? [join(config, "treewire/agent.toml")] : []), "/etc/treewire/agent.toml"];
}

/**
 * The settings as they count.
 *
 * @param commandLine by name; `undefined` where an option was not given
 * @param configFile the file to read instead of the usual ones
 * @throws TreewireError `TW_BAD_CONFIG`
 */
export function agentSettings(
  commandLine: Readonly<Record<string, unknown>>,
  configFile: string | undefined,
  environment: NodeJS.ProcessEnv = process.env,
): AgentSettings {
  const path = configFile ?? environment.TREEWIRE_CONFIG ?? configFiles(environment).find((file) => existsSync(file));
  return resolveSettings(AGENT_SETTINGS, {
    commandLine,
    environment,
    ...(path !== undefined && { file: readSettingsFile(path) }),
  });
}

/** The value of a setting that is text, or `undefined`. */
export function textOf({ value }: EffectiveSetting): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** The entries of a setting that is a list. */
export function listOf({ value }: EffectiveSetting): readonly string[] {
  return Array.isArray(value) ? value : [];
}

/** A table of the settings, a line each: name, value, where it came from. Secrets are masked. */
export function formatSettings(settings: AgentSettings): string {
  const rows = Object.entries(settings).map(([name, setting]) => [
    name,
    shown(name as AgentSettingName, setting),
    setting.from,
  ]);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      ([name = "", value = "", from = ""]) =>
        `${name.padEnd(widths[0] ?? 0)}  ${value.padEnd(widths[1] ?? 0)}  ${from}\n`,
    )
    .join("");
}

/** The settings as JSON, for programs. Secrets are masked. */
export function settingsJson(settings: AgentSettings): string {
  const entries = Object.entries(settings).map(([name, { value, source, from }]) => {
    const masked = value !== undefined && isSecret(name as AgentSettingName) ? "(set)" : (value ?? null);
    return [name, { value: masked, source, from }];
  });
  return `${JSON.stringify(Object.fromEntries(entries))}\n`;
}

function shown(name: AgentSettingName, { value }: EffectiveSetting): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return "(not set)";
  if (isSecret(name)) return "(set)";
  return Array.isArray(value) ? value.join(", ") : String(value);
}

function isSecret(name: AgentSettingName): boolean {
  const setting: Setting = AGENT_SETTINGS[name];
  return setting.secret === true;
}
