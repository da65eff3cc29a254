import type { Clock } from "../../src/util/index.js";
import type { WatcherKind } from "../../src/worktree/index.js";
import { HurriedClock } from "./hurried-clock.js";

export const WATCHERS: readonly WatcherKind[] = ["inotify", "parcel", "poll"];

/**
 * What docs/watching.md promises of each back end on Linux: so long after the last operation the state is right, in
 * milliseconds, in a tree of which a look takes a few. Each look may have to wait 2 s for git. What is right is the same
 * for all.
 */
export const RIGHT_WITHIN_MS: Readonly<Record<WatcherKind, number>> = {
  inotify: 1000,
  parcel: 12_000,
  poll: 5000,
};

/** The back end that tests of what all can do are run with: `TREEWIRE_TEST_WATCHER`, or inotify. */
export const TESTED_WATCHER: WatcherKind =
  WATCHERS.find((kind) => kind === process.env.TREEWIRE_TEST_WATCHER) ?? "inotify";

/**
 * How a tree is followed in tests of what all back ends can do: by the tested one, and by a clock on which its looks come
 * fast, where those are what finds a change.
 */
export function followedByTested(): { watcher: WatcherKind; sweep: boolean; clock?: Clock } {
  return { ...followedBy(TESTED_WATCHER), ...(TESTED_WATCHER !== "inotify" && { clock: new HurriedClock() }) };
}

/** The health that a tree would have whose files were watched. */
export function healthBesidePolling(health: string | undefined): string | undefined {
  return TESTED_WATCHER === "poll" ? health?.replace(/^polled every \d+ s: nothing is watched[^;]*(; )?/, "") : health;
}

/** Options of a tree that is followed without help: inotify by events alone, the others with the looks that belong to them. */
export function followedBy(watcher: WatcherKind): { watcher: WatcherKind; sweep: boolean } {
  return { watcher, sweep: watcher !== "inotify" };
}
