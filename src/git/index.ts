export { openRepository } from "./repository.js";
export type * from "./types.js";
export { WorkFileChangedError } from "./work-file.js";
