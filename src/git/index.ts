export { openRepository } from "./repository.js";
export type * from "./types.js";
