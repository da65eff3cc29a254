export { type FindOptions, findRepositories } from "./find.js";
export { Tree, type TreeEvents, TreeHost, type TreeHostOptions } from "./host.js";
export { type RawDiff, resolveRoot, scanOnce, scanOnceRaw } from "./once.js";
export type { TreeFile, TreeState } from "./types.js";
