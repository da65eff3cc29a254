export { type TreeFile, type TreeMeta, unifiedDiff } from "../protocol/browser.js";
export type { WatchedTree } from "./trees.js";
export { type Snapshot, WatchEndedError, type WatchOptions, watchTrees } from "./watch.js";
