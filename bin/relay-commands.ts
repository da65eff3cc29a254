import { watchCommand } from "../src/client/terminal/index.js";
import { runRelay } from "../src/relay/index.js";

/** The program `relay`, with the client for the terminal. Leaves the process. */
export function run(args: readonly string[], name: string): Promise<never> {
  return runRelay(args, name, (argv) => argv.command(watchCommand));
}
