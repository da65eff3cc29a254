import { join as joinPath, resolve } from "node:path";
import { badArguments, homeDirectory } from "../../util/index.js";

/** Where a link was given by which the agent joins, and how. */
export interface JoinRequest {
  /** The link; `-`: it is on standard input. */
  link: string;
  /** Where settings and token go, absolute. */
  directory: string;
  /** What is there already may be replaced. */
  isForced: boolean;
  /** The secret may go over plain http. */
  isInsecure: boolean;
  /** The settings of the command line, by name: they are written as well. */
  given: Readonly<Record<string, unknown>>;
}

interface JoinArguments {
  join: string | undefined;
  configDir: string | undefined;
  force: boolean;
  insecure: boolean;
  [setting: string]: unknown;
}

/** What the options say of joining. @throws TreewireError `TW_BAD_USAGE` */
export function joinRequest(args: JoinArguments, name: string): JoinRequest | undefined {
  const { join, configDir, force, insecure } = args;
  if (join === undefined) {
    if (force || insecure) throw badArguments(`--${force ? "force" : "insecure"} goes with --join`, name);
    return undefined;
  }
  for (const other of ["relay", "token-file", "config"]) {
    if (args[other] !== undefined) throw badArguments(`--join makes its own: leave out --${other}`, name);
  }
  return {
    link: join,
    directory: resolve(configDir ?? defaultConfigDir()),
    isForced: force,
    isInsecure: insecure,
    given: args,
  };
}

/** The file of settings in a directory that an agent has joined from. */
export function agentFile(directory: string): string {
  return joinPath(directory, "agent.toml");
}

function defaultConfigDir(): string {
  return joinPath(process.env.XDG_CONFIG_HOME || joinPath(homeDirectory() ?? "/", ".config"), "treewire");
}
