import { DirectoryWatcher } from "./directory-watcher.js";
import { NameWatches } from "./name-watches.js";
import { ParcelWatcher } from "./parcel-watcher.js";
import { PollingWatcher, unwatchedNames } from "./polling-watcher.js";
import type { TreeWatcher, TreeWatcherOptions } from "./tree-watcher.js";
import type { WatcherKind } from "./watcher-kinds.js";

/** Makes what covers one tree. */
export function createWatcher(kind: WatcherKind, options: TreeWatcherOptions): TreeWatcher {
  if (kind === "poll") return new PollingWatcher();
  return kind === "parcel" ? new ParcelWatcher(options) : new DirectoryWatcher(options);
}

/** Makes what watches single names for all trees of a thread. */
export function createNames(kind: WatcherKind): NameWatches {
  return kind === "poll" ? unwatchedNames() : new NameWatches();
}
