export { type FindOptions, findRepositories } from "./find-repositories.js";
export { type RawDiff, resolveRoot, scanOnce, scanOnceRaw } from "./scan-once.js";
export { Tree, type TreeEvents, TreeHost, type TreeHostOptions } from "./thread/host.js";
export type { TreeState } from "./types.js";
