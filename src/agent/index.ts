export { runAgent } from "./cli/cli.js";
export { runAgentQuickly } from "./cli/quick.js";
