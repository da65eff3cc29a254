import type { Argv } from "yargs";
import { withSettings } from "../../util/index.js";
import type { OnceFormat } from "./once-command.js";
import { AGENT_SETTINGS, agentSettings, filterPolicy, secretLists } from "./settings.js";

/** What of the settings a look goes by. */
const LOOKING = ["filters", "secrets-allow", "secrets-deny"] as const;

/** The options of a look, as they were given. */
export interface LookArguments {
  paths: string[];
  format: OnceFormat;
  compare: string;
  exitCode: boolean;
  redact: boolean;
  [setting: string]: unknown;
}

/** Adds the options of a look at working trees. */
export function withLook<T>(parser: Argv<T>) {
  return withSettings(parser, AGENT_SETTINGS, LOOKING)
    .positional("paths", { type: "string", array: true, default: [], describe: "inside a working tree" })
    .option("format", {
      choices: ["diff", "json", "stat", "commits"] as const,
      default: "diff" as const,
      describe: "what a look prints",
    })
    .option("compare", {
      type: "string",
      requiresArg: true,
      default: "head",
      describe: "what a look compares with: head, base, ref:NAME or commit:OID",
    })
    .option("exit-code", { type: "boolean", default: false, describe: "a look leaves with 1 if anything differs" })
    .option("redact", { type: "boolean", default: false, describe: "a look hides what an agent would not send" });
}

/**
 * Prints what differs from HEAD, or from what the trees are compared with.
 *
 * @param name of the program, for its errors
 * @param isGuess nobody has asked for it: that here is no repository is thrown
 * @returns the exit status
 */
export async function look(args: LookArguments, name: string, isGuess = false): Promise<number> {
  const { runOnceCommand } = await import("./once-command.js");
  const { paths, format, compare, exitCode, redact } = args;
  const filters = filterPolicy(args.filters, "all");
  const secrets = redact ? await secretsPolicy(args) : undefined;
  return runOnceCommand({ paths, format, compare, exitCode, filters, secrets }, name, isGuess);
}

/** What the daemon with the same settings would hide. */
async function secretsPolicy(args: Readonly<Record<string, unknown>>) {
  const { SecretsPolicy } = await import("../trees/secrets-policy.js");
  return new SecretsPolicy(secretLists(agentSettings(args)));
}
