import { watchCommand } from "../src/client/terminal/index.js";
import { runRelay } from "../src/relay/index.js";

await runRelay(process.argv.slice(2), (argv) => argv.command(watchCommand));
