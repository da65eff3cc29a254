import { readdirSync } from "node:fs";
import type { Event } from "@parcel/watcher";
import { bytesOfText, fileSystemPath, textOfBytes } from "../../git/index.js";
import { messageOf, systemCode } from "../../util/index.js";
import { joinPath, parentPath } from "../paths.js";
import type { DirectoryNode, DirectoryWatch } from "../scan/directory-node.js";
import { DirectoryWatcher } from "./directory-watcher.js";
import { queueLimit } from "./event-queue.js";
import { hasNativeStream, loadParcel, type ParcelLibrary, parcelBackEnd } from "./parcel-library.js";
import type { Delivery, TreeWatcher, TreeWatcherOptions } from "./tree-watcher.js";

/** So many ignored directories are named to the library: it compares each path with each of them. */
const MAX_IGNORED = 64;

/** What the library would take for a pattern. */
const PATTERN = /[*?[\](){}!+@\\]/;

/** How the library says that the system's limits are reached. */
const LIMITS: readonly (readonly [RegExp, string])[] = [
  [/no space left on device/i, "ENOSPC"],
  [/too many open files/i, "EMFILE"],
];

export interface ParcelWatcherOptions extends TreeWatcherOptions {
  /** Default: as it is installed. */
  load?: () => Promise<ParcelLibrary>;
  platform?: NodeJS.Platform;
  /** So many events at once are taken for a loss of others. Default: a quarter of the kernel's queue. */
  overflowEvents?: number;
}

type Phase =
  /** The tree's first listing is not over, or the subscription has not begun. */
  | "waiting"
  | "subscribing"
  | "live"
  /** The library can't be trusted with this root any more: each directory has a watch of its own. */
  | "replaced"
  /** It can't be had, and is not asked again. */
  | "failed";

/** Roots of this process that are subscribed, or that the library could not let go of. */
const heldRoots = new Set<string>();

/** What is under way with the library, by any watcher of this thread. */
const underWay = new Set<Promise<void>>();

/**
 * Waits until the subscriptions of all watchers that were closed have ended. A thread must not end before: the library
 * would call into it, and take the process down.
 */
export async function subscriptionsEnded(): Promise<void> {
  while (underWay.size > 0) await Promise.all(underWay);
}

/**
 * One subscription of `@parcel/watcher` for a whole tree. It begins when the tree has been listed once, so that ignored
 * directories are known by then, and is followed by a look at everything: what happened meanwhile raised no event.
 *
 * Where the platform has a stream of its own for a tree, that is all. On Linux the library crawls the tree, watches each
 * directory, and loses what happens in directories that appear, move in or are renamed. So each directory that is covered
 * after the crawl began has a watch of its own there ({@link DirectoryWatcher}). A second subscription of a root is not
 * made before the first has ended, and not at all when it could not be ended: the library would go by its old crawl.
 */
export class ParcelWatcher implements TreeWatcher {
  readonly delivery: Delivery;
  readonly #options: ParcelWatcherOptions;
  readonly #directories: DirectoryWatcher;
  readonly #prefix: string;
  readonly #overflowEvents: number;
  readonly #nodes = new Map<string, DirectoryNode>();
  /** The directories that the crawl was to find: path → inode. `undefined`: all that there are, and will be. */
  #crawled: Map<string, number> | undefined;
  #phase: Phase = "waiting";
  #unsubscribe: (() => Promise<void>) | undefined;
  /** One after the other: subscriptions and their ends. */
  #changes: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: ParcelWatcherOptions) {
    this.#options = options;
    this.#directories = new DirectoryWatcher(options);
    this.#prefix = `${options.root}/`;
    this.#overflowEvents = options.overflowEvents ?? queueLimit() / 4;
    this.delivery = this.#isNative ? "late" : "lossy";
  }

  get missing(): DirectoryWatcher["missing"] {
    return this.#directories.missing;
  }

  get watches(): number {
    return this.#directories.watches;
  }

  cover(node: DirectoryNode): DirectoryWatch[] {
    const own = this.#needsOwnWatch(node) ? this.#directories.cover(node) : undefined;
    if (own?.length === 0) return [];
    this.#nodes.set(node.path, node);
    const close = (): void => {
      if (this.#nodes.get(node.path) === node) this.#nodes.delete(node.path);
      for (const watch of own ?? []) watch.close();
    };
    return [{ close }];
  }

  coverGitDirectory(node: DirectoryNode): DirectoryWatch[] {
    return this.#directories.coverGitDirectory(node);
  }

  coverFile(path: string): DirectoryWatch[] {
    return this.#directories.coverFile(path);
  }

  isMountPoint(path: string): boolean {
    return this.#directories.isMountPoint(path);
  }

  passed(): void {
    if (this.#phase !== "waiting" || this.#closed || !this.#nodes.has("")) return;
    this.#phase = "subscribing";
    this.#change(() => this.#subscribe());
  }

  restart(): void {
    this.#directories.restart();
    this.#phase = "waiting";
    this.#crawled = undefined;
    this.#leave();
  }

  close(): void {
    this.#closed = true;
    this.#directories.close();
    this.#leave();
  }

  get #isNative(): boolean {
    return hasNativeStream(this.#options.platform ?? process.platform);
  }

  #change(run: () => Promise<void>): void {
    // never within a callback of the library, which waits for itself then
    const change = this.#changes.then(() => new Promise((resolve) => setImmediate(resolve))).then(run);
    this.#changes = change;
    underWay.add(change);
    void change.finally(() => underWay.delete(change));
  }

  /** Whether the library's own watch of a directory may be missing, or be that of another directory. */
  #needsOwnWatch(node: DirectoryNode): boolean {
    if (this.#isNative || this.#phase === "waiting" || this.#phase === "failed") return false;
    for (let at: DirectoryNode | undefined = node; at !== undefined; at = at.parent) {
      if (this.#crawled?.get(at.path) !== at.inode) return true;
    }
    return false;
  }

  async #subscribe(): Promise<void> {
    const { root, onLost, onOverflow, load = loadParcel, platform = process.platform } = this.#options;
    if (this.#closed || this.#phase !== "subscribing") return;
    if (!this.#isNative && heldRoots.has(root)) {
      this.#phase = "replaced";
      onOverflow();
      return;
    }
    this.#crawled = new Map(Array.from(this.#nodes.values(), ({ path, inode }) => [path, inode]));
    const backend = parcelBackEnd(platform);
    heldRoots.add(root);
    let isOver = false;
    try {
      const library = await load();
      const { unsubscribe } = await library.subscribe(
        root,
        (error, events) => {
          if (!isOver) this.#onEvents(error, events);
        },
        { ...(backend !== undefined && { backend }), ignore: this.#ignored() },
      );
      this.#unsubscribe = async () => {
        isOver = true;
        await unsubscribe();
        heldRoots.delete(root);
      };
    } catch (error) {
      heldRoots.delete(root);
      this.#fail(error);
      return;
    }
    if (this.#closed || this.#phase !== "subscribing") this.#leave();
    else {
      this.#phase = "live";
      onLost();
    }
  }

  #leave(): void {
    const unsubscribe = this.#unsubscribe;
    this.#unsubscribe = undefined;
    if (unsubscribe === undefined) return;
    this.#change(async () => {
      // on Linux it fails when a directory has moved and was deleted since; the root stays held then
      await unsubscribe().catch(() => {});
    });
  }

  #fail(error: unknown): void {
    if (this.#closed) return;
    const message = messageOf(error);
    this.#phase = "failed";
    this.missing.count += 1;
    this.missing.code = LIMITS.find(([pattern]) => pattern.test(message))?.[1] ?? message;
    this.#options.onLost(); // which says so, too
  }

  /** What the library need not report: directories in those that are covered which are not. Paths from the root. */
  #ignored(): string[] {
    const ignored: string[] = [];
    for (const { path } of this.#nodes.values()) {
      for (const name of directoriesIn(fileSystemPath(this.#options.root, path))) {
        const child = joinPath(path, name);
        if (this.#nodes.has(child)) continue;
        const text = textOfBytes(child);
        if (!PATTERN.test(text) && bytesOfText(text) === child) ignored.push(text);
      }
      if (ignored.length >= MAX_IGNORED) break;
    }
    return ignored.slice(0, MAX_IGNORED);
  }

  #onEvents(error: Error | null, events: readonly Event[]): void {
    if (error !== null) {
      // macOS says "Events were dropped"; a limit, or the end of the library's thread, is the end of all events
      if (/dropped|re-?scan/i.test(error.message)) this.#loseTrack();
      else this.#fail(error);
    } else if (events.length >= this.#overflowEvents) {
      this.#loseTrack(); // on Linux the library passes over what the kernel says of its queue
    } else {
      for (const event of events) this.#onEvent(event);
    }
  }

  #loseTrack(): void {
    if (this.#isNative) {
      this.#options.onLost();
      return;
    }
    this.#crawled?.clear();
    this.#options.onOverflow();
  }

  #onEvent({ path: absolute, type }: Event): void {
    if (!absolute.startsWith(this.#prefix)) return; // the root itself, which the names on the way to it tell of
    const { onPath } = this.#options;
    const text = absolute.slice(this.#prefix.length);
    const isText = !text.includes("\uFFFD"); // what stands for bytes that are no text
    const path = isText ? bytesOfText(text) : parentPath(bytesOfText(text.slice(0, text.indexOf("\uFFFD"))));
    if (this.#nodes.has(path)) {
      this.#crawled?.delete(path); // it may be another directory, or its watches have stayed with the one that was there
      onPath(path, true);
    } else if (this.#nodes.has(parentPath(path))) {
      onPath(path, type !== "update");
    }
    // what lies deeper is ignored, or is looked at when the directory that holds it is listed
  }
}

/** The names of the directories in a directory, one character per byte; none when it can't be listed. */
function directoriesIn(path: string | Buffer): string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true, encoding: "latin1" });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return [];
  }
}
