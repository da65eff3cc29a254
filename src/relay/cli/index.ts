import yargs from "yargs";
import { runProgram, TreewireError, VERSION } from "../../util/index.js";
import { chatCommand } from "./chat.js";
import { serveCommand } from "./serve.js";
import { tokenCommand } from "./token.js";
import { watchCommand } from "./watch.js";

/** The program `relay`. @param args what stands behind its name. Leaves the process */
export function runRelay(args: readonly string[]): Promise<never> {
  return runProgram("relay", async () => {
    await yargs([...args])
      .scriptName("relay")
      .usage("$0 COMMAND: serves the live diff of git working trees to the clients of chats")
      .command(serveCommand)
      .command(tokenCommand)
      .command(chatCommand)
      .command(watchCommand)
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
