export { runAgent } from "./cli.js";
export { runStart } from "./start.js";
