export { runAgent } from "./cli/cli.js";
export { runDaemonProgram } from "./cli/daemon-program.js";
export { runAgentQuickly } from "./cli/quick.js";
