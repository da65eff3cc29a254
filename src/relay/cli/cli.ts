import yargs, { type Argv } from "yargs";
import {
  answerAbout,
  argumentsError,
  badArguments,
  endParser,
  hideLink,
  runProgram,
  settingOptions,
  TreewireError,
  variableOf,
} from "../../util/index.js";
import { chatCommand } from "./chat.js";
import { clusterCommand } from "./cluster.js";
import { configCommand } from "./config.js";
import { inviteCommand } from "./invite.js";
import { serveCommand } from "./serve.js";
import { RELAY_SETTINGS } from "./settings.js";
import { tokenCommand } from "./token.js";
import { exportCommand, importCommand } from "./transfer.js";

/**
 * The program `relay`. Leaves the process.
 *
 * @param args what stands behind its name
 * @param name as it was called: `treewire relay` is the same program
 * @param withOthers adds the commands that other rooms bring: the relay imports no client
 */
export function runRelay(
  args: readonly string[],
  name = "relay",
  withOthers: (argv: Argv) => Argv = (argv) => argv,
): Promise<never> {
  hideLink(args, name);
  return runProgram(name, async () => {
    const about = await answerAbout(args, name, PATHS, (some) => parserOf(some, name, withOthers));
    if (about === undefined) await parserOf(args, name, withOthers).parseAsync();
    else process.stdout.write(about);
    return 0;
  });
}

function parserOf(args: readonly string[], name: string, withOthers: (argv: Argv) => Argv): Argv {
  const parser = yargs([...args])
    .scriptName(name)
    .usage("$0 COMMAND: serves the live diff of git working trees to the clients of chats")
    .command(serveCommand)
    .command(inviteCommand)
    .command(configCommand)
    .command(tokenCommand)
    .command(chatCommand)
    .command(clusterCommand)
    .command(exportCommand)
    .command(importCommand);
  return endParser(withOthers(parser))
    .demandCommand(1, "a command is needed")
    .strict()
    .epilogue(
      `Every setting may also stand in the environment (${variableOf(RELAY_SETTINGS, "listen")} for --listen) or in a file (--config).`,
    )
    .check((argv) => refuseRepeated(argv, name))
    .fail((message, error) => {
      if (error instanceof TreewireError) throw error;
      const known = { options: OPTIONS, commands: commandsAfter(args), program: name };
      throw argumentsError(message ?? error.message, args, known);
    });
}

/** Options of any command. */
const OPTIONS = [
  ...settingOptions(RELAY_SETTINGS),
  ...["config", "json", "kind", "workspace", "user", "admin", "auto-bind", "expires", "out", "owner", "path", "parent"],
  ...["invite", "uses", "replicas", "force"],
  ...["url", "token-file", "refresh", "full", "ca-file", "cert-file", "key-file", "header", "insecure"],
];
const COMMANDS = ["serve", "invite", "config", "token", "chat", "cluster", "export", "import", "watch"];
const SUBCOMMANDS: Record<string, readonly string[]> = {
  token: ["create", "list", "revoke"],
  chat: ["bind", "unbind", "list"],
  cluster: ["init", "key"],
};

/** Every command, in words. */
const PATHS = COMMANDS.flatMap((command) => [[command], ...(SUBCOMMANDS[command] ?? []).map((sub) => [command, sub])]);

/** The commands of which an unknown one may have been meant. */
function commandsAfter([first = ""]: readonly string[]): readonly string[] {
  return SUBCOMMANDS[first] ?? COMMANDS;
}

/** The options that may be given more than once, as yargs names them; `_` is what stands without a name. */
const LISTS = new Set(
  Object.entries(RELAY_SETTINGS.settings)
    .flatMap(([name, { kind }]) => (kind === "list" ? [name] : []))
    .concat("_", "path", "header")
    .flatMap((name) => [name, name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())]),
);

function refuseRepeated(argv: Record<string, unknown>, program: string): true {
  for (const [name, value] of Object.entries(argv)) {
    if (Array.isArray(value) && !LISTS.has(name)) throw badArguments(`--${name} is given twice`, program);
  }
  return true;
}
