import type { Coverage, PathListener } from "../scan/coverage.js";
import type { FileWatchBudget } from "./file-watch-budget.js";
import type { MountTable } from "./mount-table.js";
import type { NameWatches } from "./name-watches.js";

/**
 * What is promised of the events of a tree's files:
 *
 * - `prompt`: a change has raised its event before the call that made it returns (inotify);
 * - `late`: each change raises one, a while after (a platform's own stream of a whole tree);
 * - `lossy`: late, and some never come, which nobody tells (`@parcel/watcher` on Linux);
 * - `none`: what is not looked at is not known.
 */
export type Delivery = "prompt" | "late" | "lossy" | "none";

/** One of the back ends; docs/watching.md says what each of them promises. */
export interface TreeWatcher extends Coverage {
  readonly delivery: Delivery;
  /** Directories that could not be watched: why the last of them, a system error code where there is one, and how many. */
  readonly missing: { count: number; code: string };
  /** How many directories and files have a watch of their own. */
  readonly watches: number;
  /** What was to be covered has been listed once. */
  passed(): void;
  /** Another directory may be at the root: everything is covered anew after this. */
  restart(): void;
  /** Ends what does not end with the directories' coverage. */
  close(): void;
}

/** What each back end is given. */
export interface TreeWatcherOptions {
  /** Absolute path of the working tree. */
  root: string;
  onPath: PathListener;
  /** Any event may have been lost, and with it where a directory went: everything is to be covered and listed anew. */
  onOverflow: () => void;
  /** Any event may have been lost, but what is covered stays so: everything is to be looked at once. */
  onLost: () => void;
  /** Watches the ways to nested repositories. Default: nobody shares them. */
  names?: NameWatches;
  /** How many files are watched by themselves. Default: as many as all trees of a thread may have. */
  fileWatches?: FileWatchBudget;
  /** Default: there are none. */
  mounts?: Pick<MountTable, "points">;
}
