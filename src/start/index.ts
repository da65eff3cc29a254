export { runStart } from "./start.js";
