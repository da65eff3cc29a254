import { type FSWatcher, watch } from "node:fs";
import { absoluteFilePath } from "../../git/index.js";
import { isAbsent, systemCode } from "../../util/index.js";
import type { DirectoryWatch } from "../scan/directory-node.js";
import { type EventQueue, threadQueue } from "./event-queue.js";

/** `fs.watch` of one directory, as far as it is used here. Throws a system error when it can't. */
export type WatchFunction = (
  path: string | Buffer,
  options: { encoding: "latin1"; persistent: false },
  listener: (type: string, name: string | null) => void,
) => Pick<FSWatcher, "close" | "on">;

/** Which names of which directory are listened to. */
export interface NameSubscription {
  /** Absolute byte path. */
  readonly directory: string;
  /** Says which directory it is; see `Look`. */
  readonly identity: string;
  /** One character per byte; `undefined`: all names. */
  readonly name: string | undefined;
  /** @param name `undefined`: unknown, it may be any @param replaced whether it may stand for another file than before */
  readonly onName: (name: string | undefined, replaced: boolean) => void;
  /** Events may have been lost. Called once for all subscriptions that have the same. */
  readonly onOverflow: () => void;
}

/** Ends a subscription. */
export interface NameWatch extends DirectoryWatch {
  /** Whether events still come: the directory may have been deleted, and its inode number be another one's by now. */
  readonly isLive: boolean;
}

interface WatchedDirectory {
  readonly watcher: Pick<FSWatcher, "close" | "on">;
  readonly byName: Map<string | undefined, Set<NameSubscription>>;
  isLive: boolean;
}

/**
 * Watches on single names in directories, shared by all trees of a thread: a directory has one watch, however many
 * repositories find their settings through it, and an event of a name that nobody asked for costs one look into a map.
 * A watch belongs to a directory and not to its path, so directories are told apart by what they are.
 */
export class NameWatches {
  /** Through which the events come. */
  readonly queue: EventQueue;
  readonly #startWatch: WatchFunction;
  readonly #directories = new Map<string, WatchedDirectory>();
  #leaveQueue: () => void = () => {};

  constructor(options: { watch?: WatchFunction; queue?: EventQueue } = {}) {
    this.#startWatch = options.watch ?? watch;
    this.queue = options.queue ?? threadQueue;
  }

  /** How many directories are watched. */
  get size(): number {
    return this.#directories.size;
  }

  /**
   * Listens to a name.
   * @returns what ends it; a system error code when the directory can't be watched; `undefined` when it is not there
   */
  add(subscription: NameSubscription): NameWatch | string | undefined {
    const { directory, identity, name } = subscription;
    let watched = this.#directories.get(identity);
    if (watched === undefined) {
      const started = this.#start(directory, identity);
      if (started === undefined || typeof started === "string") return started;
      watched = started;
      if (this.#directories.size === 0) this.#leaveQueue = this.queue.onOverflow(() => this.#reportOverflow());
      this.#directories.set(identity, watched);
    }
    const of = watched;
    const subscriptions = of.byName.get(name) ?? new Set();
    of.byName.set(name, subscriptions.add(subscription));
    return {
      get isLive() {
        return of.isLive;
      },
      close: () => {
        if (!subscriptions.delete(subscription) || subscriptions.size > 0) return;
        of.byName.delete(name);
        if (of.byName.size > 0) return;
        of.watcher.close();
        this.#forget(identity, of);
      },
    };
  }

  #start(directory: string, identity: string): WatchedDirectory | string | undefined {
    const ownName = directory.slice(directory.lastIndexOf("/") + 1);
    const byName: WatchedDirectory["byName"] = new Map();
    try {
      const watcher = this.#startWatch(
        absoluteFilePath(directory),
        { encoding: "latin1", persistent: false },
        (type, name) => {
          this.queue.count();
          // libuv gives the directory's own name to the events that say that it was moved or deleted
          if (type === "rename" && name === ownName) this.#forget(identity, watched);
          dispatch(byName, name ?? undefined, type === "rename");
        },
      );
      const watched: WatchedDirectory = { watcher, byName, isLive: true };
      // after the start it can only fail with the directory itself, whose parent reports that
      watcher.on("error", () => watcher.close());
      return watched;
    } catch (error) {
      return isAbsent(error) ? undefined : (systemCode(error) ?? "EIO");
    }
  }

  /** Gives the directory another watch when it is asked for the next time. */
  #forget(identity: string, watched: WatchedDirectory): void {
    watched.isLive = false;
    if (this.#directories.get(identity) === watched) this.#directories.delete(identity);
    if (this.#directories.size === 0) this.#leaveQueue();
  }

  #reportOverflow(): void {
    const all = [...this.#directories.values()].flatMap(({ byName }) => [...byName.values()]);
    const listeners = new Set(all.flatMap((subscriptions) => Array.from(subscriptions, (each) => each.onOverflow)));
    for (const onOverflow of listeners) onOverflow();
  }
}

/** Calls those who listen to a name, and those who listen to all. */
function dispatch(byName: WatchedDirectory["byName"], name: string | undefined, replaced: boolean): void {
  const sets = name === undefined ? [...byName.values()] : [byName.get(name), byName.get(undefined)];
  for (const subscriptions of sets) {
    if (subscriptions === undefined) continue;
    for (const { onName } of [...subscriptions]) onName(name, replaced || name === undefined);
  }
}
