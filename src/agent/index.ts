export { runAgent } from "./cli/cli.js";
