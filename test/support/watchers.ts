import type { WatcherKind } from "../../src/worktree/index.js";

export const WATCHERS: readonly WatcherKind[] = ["inotify", "parcel", "poll"];

/**
 * What docs/watching.md promises of each back end on Linux: so long after the last operation the state is right, in
 * milliseconds, in a tree of which a look takes a few. What is right is the same for all.
 */
export const RIGHT_WITHIN_MS: Readonly<Record<WatcherKind, number>> = {
  inotify: 1000,
  parcel: 12_000,
  poll: 3000,
};

/** The back end that tests of what all can do are run with: `TREEWIRE_TEST_WATCHER`, or inotify. */
export const TESTED_WATCHER: WatcherKind =
  WATCHERS.find((kind) => kind === process.env.TREEWIRE_TEST_WATCHER) ?? "inotify";

/** Options of a tree that is followed without help: inotify by events alone, the others with the looks that belong to them. */
export function followedBy(watcher: WatcherKind): { watcher: WatcherKind; sweep: boolean } {
  return { watcher, sweep: watcher !== "inotify" };
}
