import { type FSWatcher, watch } from "node:fs";
import { bytesOfText, decidingPaths, fileSystemPath } from "../../git/index.js";
import { isAbsent, systemCode } from "../../util/index.js";
import { joinPath } from "../paths.js";
import type { DirectoryNode, DirectoryWatch } from "../scan/directory-node.js";
import type { EventQueue } from "./event-queue.js";
import { FileWatchBudget } from "./file-watch-budget.js";
import { NameWatches, type WatchFunction } from "./name-watches.js";
import { ResolutionWatch } from "./resolution-watch.js";
import type { TreeWatcher, TreeWatcherOptions } from "./tree-watcher.js";

const sharedFileWatches = new FileWatchBudget();

export interface DirectoryWatcherOptions extends Omit<TreeWatcherOptions, "onLost"> {
  /** What watches a directory. Default: Node's `fs.watch`. */
  watch?: WatchFunction;
  /** Through which the events come. Default: that of `names`. */
  queue?: EventQueue;
}

/**
 * One inotify watch for each directory, by Node's `fs.watch`. It belongs to the directory's inode, so it has
 * none of the faults of a recursive watcher on Linux: a directory that appears is covered before it is
 * listed, one that moves is reported by the directory it moves from and the one it moves to. 3,200 watches take 30 ms
 * and 3 MB. What remains are the kernel's limits, and both are noticed:
 *
 * - the number of watches: {@link missing} counts the directories without one;
 * - the event queue, which all watches of a thread share: see {@link EventQueue}.
 */
export class DirectoryWatcher implements TreeWatcher {
  readonly delivery = "prompt";
  readonly missing = { count: 0, code: "" };
  readonly #options: DirectoryWatcherOptions;
  readonly #names: NameWatches;
  readonly #byteRoot: string;
  readonly #queue: EventQueue;
  readonly #leaveQueue: () => void;
  #watches = 0;

  constructor(options: DirectoryWatcherOptions) {
    this.#options = options;
    this.#names = options.names ?? new NameWatches(options);
    this.#byteRoot = bytesOfText(options.root);
    this.#queue = options.queue ?? this.#names.queue;
    this.#leaveQueue = this.#queue.onOverflow(options.onOverflow);
  }

  /** How many watches are held. */
  get watches(): number {
    return this.#watches;
  }

  cover(node: DirectoryNode): DirectoryWatch[] {
    return this.#watch(fileSystemPath(this.#options.root, node.path), (type, name) => {
      if (name === null) this.#options.onPath(node.path, true);
      else this.#options.onPath(joinPath(node.path, name), type === "rename");
    });
  }

  coverGitDirectory(node: DirectoryNode): DirectoryWatch[] {
    const { onPath, onOverflow } = this.#options;
    const directory = joinPath(this.#byteRoot, node.path);
    const watch = new ResolutionWatch<undefined>({
      names: this.#names,
      onOverflow,
      onChange: () => onPath(joinPath(node.path, ".git"), true), // the directory is covered anew when it is looked at
    });
    watch.place(() => new Map(decidingPaths(directory).map((path) => [path, undefined])));
    if (watch.missing !== undefined) this.#miss(watch.missing);
    return [watch];
  }

  coverFile(path: string): DirectoryWatch[] {
    const giveBack = (this.#options.fileWatches ?? sharedFileWatches).take();
    if (giveBack === undefined) return [];
    // whatever the event says: the watch belongs to the file, and any of its names may be the one that is changed or gone
    const [watch] = this.#watch(fileSystemPath(this.#options.root, path), () => this.#options.onPath(path, false));
    if (watch === undefined) giveBack();
    const close = (): void => {
      giveBack();
      watch?.close();
    };
    return watch === undefined ? [] : [{ close }];
  }

  isMountPoint(path: string): boolean {
    return this.#options.mounts?.points.has(`${this.#byteRoot}/${path}`) === true;
  }

  passed(): void {}

  restart(): void {
    this.missing.count = 0;
  }

  close(): void {
    this.#leaveQueue();
  }

  #watch(path: string | Buffer, listener: (type: string, name: string | null) => void): DirectoryWatch[] {
    const { watch: startWatch = watch } = this.#options;
    let watcher: Pick<FSWatcher, "close" | "on">;
    try {
      watcher = startWatch(path, { encoding: "latin1", persistent: false }, (type, name) => {
        this.#queue.count();
        listener(type, name);
      });
    } catch (error) {
      const code = systemCode(error) ?? "EIO";
      // not there any more, or no directory: the listing that follows will find the same
      if (!isAbsent(error)) this.#miss(code);
      return [];
    }
    this.#watches += 1;
    // after the start it can only fail with the directory itself, whose parent reports that
    watcher.on("error", () => watcher.close());
    let open = true;
    const close = (): void => {
      if (!open) return;
      open = false;
      this.#watches -= 1;
      watcher.close();
    };
    return [{ close }];
  }

  #miss(code: string): void {
    this.missing.count += 1;
    this.missing.code = code;
  }
}
