import yargs, { type Argv } from "yargs";
import {
  argumentsError,
  badArguments,
  runProgram,
  settingOptions,
  TreewireError,
  VERSION,
  variableOf,
} from "../../util/index.js";
import { chatCommand } from "./chat.js";
import { configCommand } from "./config.js";
import { inviteCommand } from "./invite.js";
import { serveCommand } from "./serve.js";
import { RELAY_SETTINGS } from "./settings.js";
import { tokenCommand } from "./token.js";

/**
 * The program `relay`. Leaves the process.
 *
 * @param args what stands behind its name
 * @param withOthers adds the commands that other rooms bring: the relay imports no client
 */
export function runRelay(args: readonly string[], withOthers: (argv: Argv) => Argv = (argv) => argv): Promise<never> {
  return runProgram("relay", async () => {
    const parser = yargs([...args])
      .scriptName("relay")
      .usage("$0 COMMAND: serves the live diff of git working trees to the clients of chats")
      .command(serveCommand)
      .command(inviteCommand)
      .command(configCommand)
      .command(tokenCommand)
      .command(chatCommand);
    await withOthers(parser)
      .demandCommand(1, "a command is needed")
      .strict()
      .version(VERSION)
      .help()
      .epilogue(
        `Every setting may also stand in the environment (${variableOf(RELAY_SETTINGS, "listen")} for --listen) or in a file (--config).`,
      )
      .check(refuseRepeated)
      .fail((message, error) => {
        if (error instanceof TreewireError) throw error;
        throw argumentsError(message ?? error.message, args, { options: OPTIONS, commands: commandsAfter(args) });
      })
      .parseAsync();
    return 0;
  });
}

/** Options of any command. */
const OPTIONS = [
  ...settingOptions(RELAY_SETTINGS),
  ...["config", "json", "kind", "workspace", "user", "admin", "expires", "out", "owner", "path", "parent"],
  ...["invite", "uses"],
  ...["url", "token-file", "refresh"],
];
const COMMANDS = ["serve", "invite", "config", "token", "chat", "watch"];
const SUBCOMMANDS: Record<string, readonly string[]> = {
  token: ["create", "list", "revoke"],
  chat: ["bind", "unbind", "list"],
};

/** The commands of which an unknown one may have been meant. */
function commandsAfter([first = ""]: readonly string[]): readonly string[] {
  return SUBCOMMANDS[first] ?? COMMANDS;
}

/** The options that may be given more than once, as yargs names them; `_` is what stands without a name. */
const LISTS = new Set(["_", "path", "allowed-origin", "allowedOrigin", "trust-proxy", "trustProxy"]);

function refuseRepeated(argv: Record<string, unknown>): true {
  for (const [name, value] of Object.entries(argv)) {
    if (Array.isArray(value) && !LISTS.has(name)) throw badArguments(`--${name} is given twice`);
  }
  return true;
}
