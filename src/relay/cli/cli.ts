import yargs, { type Argv } from "yargs";
import { runProgram, TreewireError, VERSION } from "../../util/index.js";
import { chatCommand } from "./chat.js";
import { serveCommand } from "./serve.js";
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
      .command(tokenCommand)
      .command(chatCommand);
    await withOthers(parser)
      .demandCommand(1, "a command is needed")
      .strict()
      .version(VERSION)
      .help()
      .check(refuseRepeated)
      .fail((message, error) => {
        throw error instanceof TreewireError ? error : badUsage(message ?? error.message);
      })
      .parseAsync();
    return 0;
  });
}

/** The options that may be given more than once, as yargs names them; `_` is what stands without a name. */
const LISTS = new Set(["_", "path", "allowed-origin", "allowedOrigin", "trust-proxy", "trustProxy"]);

function refuseRepeated(argv: Record<string, unknown>): true {
  for (const [name, value] of Object.entries(argv)) {
    if (Array.isArray(value) && !LISTS.has(name)) throw badUsage(`--${name} is given twice`);
  }
  return true;
}

function badUsage(detail: string): TreewireError {
  return new TreewireError("TW_BAD_USAGE", "arguments", { detail });
}
