export { runAgent } from "./cli.js";
