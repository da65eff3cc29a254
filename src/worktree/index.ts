export type { FilterPolicy } from "../git/index.js";
export { isAtOrBelow, realPathOf, refusal } from "../git/index.js";
export { type FindOptions, findRepositories } from "./find-repositories.js";
export { RepositorySearch, type RepositorySearchOptions } from "./repository-search.js";
export { type RawDiff, resolveRoot, resolveWorktrees, scanOnce, scanOnceRaw } from "./scan-once.js";
export { TreeHost, type TreeHostOptions } from "./thread/host.js";
export { Tree, type TreeEvents } from "./thread/tree.js";
export type { TreeState } from "./types.js";
export { checkWatcher, defaultWatcher, type WatcherKind } from "./watch/watcher-kinds.js";
