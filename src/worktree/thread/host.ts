import { EventEmitter } from "node:events";
import { Worker } from "node:worker_threads";
import { mergeFiles } from "../../protocol/index.js";
import type { Logger } from "../../util/index.js";
import { messageOf, packagePath } from "../../util/index.js";
import type { TreeState } from "../types.js";
import type { FromWorker, ToWorker, WorkerOptions } from "./messages.js";

const YOUNG_GENERATION_MB = 8;

export interface TreeHostOptions {
  logger: Logger;
  /** Hunks of one file over this many bytes of UTF-8 are left out and counted. Default: the wire contract's 3 MiB. */
  maxPatchBytes?: number;
  /** Hunks that are kept in memory for one tree, in bytes of UTF-8. Default 8 MiB: more than any client is sent. */
  keptPatchBytes?: number;
  /** `false`: nothing is looked at without an event or a refresh; for tests of the events. */
  sweep?: boolean;
}

/** What a {@link Tree} tells. */
export interface TreeEvents {
  /** The tree differs from the state before. */
  state: [state: TreeState];
  /** The root, its `.git` or the target of a `.git` file is gone; a `state` follows should it return. */
  gone: [];
  /** A passing failure; the last good state stands. */
  trouble: [error: { code: string; message: string }];
  /** The tree was read and is as it was. @param scannedAt milliseconds since 1970 */
  scanned: [scannedAt: number];
}

/** One holder's view of a followed tree. */
export class Tree extends EventEmitter<TreeEvents> {
  readonly root: string;
  readonly #entry: Entry;
  readonly #release: (tree: Tree) => void;

  /** @internal */
  constructor(entry: Entry, release: (tree: Tree) => void) {
    super();
    this.root = entry.root;
    this.#entry = entry;
    this.#release = release;
  }

  /** The newest state; `undefined` before the first and while the tree is gone. */
  get state(): TreeState | undefined {
    return this.#entry.state;
  }

  /** Whether the tree was looked for and is not there. */
  get gone(): boolean {
    return this.#entry.gone;
  }

  /**
   * A barrier. Calls that overlap share a look at the files, but never one that began before the call.
   * @returns the state that covers every write that was finished before the call; `undefined` when the tree is gone
   */
  async refresh(): Promise<TreeState | undefined> {
    return this.#entry.refresh();
  }

  /** Lets go of the tree; the last holder's call ends its watching. */
  close(): void {
    this.removeAllListeners();
    this.#release(this);
  }
}

/** The main thread's end of one followed tree. */
interface Entry {
  readonly root: string;
  readonly number: number;
  readonly holders: Set<Tree>;
  readonly tickets: Map<number, (state: TreeState | undefined) => void>;
  state: TreeState | undefined;
  gone: boolean;
  refresh(): Promise<TreeState | undefined>;
}

/**
 * Owns the thread in which trees are followed, and hands out reference-counted views of them. Should the thread die,
 * it is started again and every tree is read anew.
 */
export class TreeHost {
  readonly #options: WorkerOptions;
  readonly #logger: Logger;
  readonly #byRoot = new Map<string, Entry>();
  readonly #byNumber = new Map<number, Entry>();
  readonly #pings = new Map<number, () => void>();
  #worker: Worker | undefined;
  #numbers = 0;
  #tickets = 0;
  #closed = false;

  constructor({
    logger,
    maxPatchBytes = 3 * 1024 * 1024,
    keptPatchBytes = 8 * 1024 * 1024,
    sweep = true,
  }: TreeHostOptions) {
    this.#logger = logger;
    this.#options = { traces: logger.isLevelEnabled("trace"), maxPatchBytes, keptPatchBytes, sweep };
  }

  /** Follows a working tree. @param root absolute path of it, as `resolveRoot` gives it */
  open(root: string): Tree {
    let entry = this.#byRoot.get(root);
    if (entry === undefined) {
      entry = this.#createEntry(root);
      this.#byRoot.set(root, entry);
      this.#byNumber.set(entry.number, entry);
      this.#post({ type: "open", tree: entry.number, root });
    }
    const tree = new Tree(entry, (holder) => this.#release(holder));
    entry.holders.add(tree);
    return tree;
  }

  /** Settles when the thread has answered: one that is stuck does not. At once when there is none. */
  ping(): Promise<void> {
    if (this.#worker === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#tickets += 1;
      this.#pings.set(this.#tickets, resolve);
      this.#post({ type: "ping", ticket: this.#tickets });
    });
  }

  /** Ends the thread. Refreshes that are under way are answered with what is known. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const entry of this.#byNumber.values()) this.#answerAll(entry);
    this.#byRoot.clear();
    this.#byNumber.clear();
    await this.#worker?.terminate();
  }

  #createEntry(root: string): Entry {
    this.#numbers += 1;
    const entry: Entry = {
      root,
      number: this.#numbers,
      holders: new Set(),
      tickets: new Map(),
      state: undefined,
      gone: false,
      refresh: () =>
        new Promise((resolve) => {
          if (this.#byNumber.get(entry.number) !== entry) return resolve(entry.state);
          this.#tickets += 1;
          entry.tickets.set(this.#tickets, resolve);
          this.#post({ type: "refresh", tree: entry.number, ticket: this.#tickets });
        }),
    };
    return entry;
  }

  #release(tree: Tree): void {
    const entry = this.#byRoot.get(tree.root);
    if (entry === undefined || !entry.holders.delete(tree) || entry.holders.size > 0) return;
    this.#byRoot.delete(entry.root);
    this.#byNumber.delete(entry.number);
    this.#answerAll(entry);
    this.#post({ type: "close", tree: entry.number });
  }

  #post(message: ToWorker): void {
    if (this.#closed) return;
    this.#worker ??= this.#startWorker();
    this.#worker.postMessage(message);
  }

  #startWorker(): Worker {
    const worker = new Worker(packagePath("dist/bin/tree-thread.js"), {
      workerData: this.#options,
      // a scan makes garbage by the file: a small nursery is emptied often and keeps the process small
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    worker.unref();
    worker.on("message", (message: FromWorker) => this.#onMessage(message));
    worker.on("error", (error) => this.#logger.error({ err: messageOf(error) }, "the thread of the trees died"));
    worker.on("exit", () => {
      if (this.#worker === worker) this.#restart();
    });
    return worker;
  }

  #restart(): void {
    this.#worker = undefined;
    for (const resolve of this.#pings.values()) resolve();
    this.#pings.clear();
    if (this.#closed) return;
    for (const entry of this.#byNumber.values()) {
      this.#post({ type: "open", tree: entry.number, root: entry.root });
      for (const ticket of entry.tickets.keys()) this.#post({ type: "refresh", tree: entry.number, ticket });
    }
  }

  #onMessage(message: FromWorker): void {
    if (message.type === "pong") {
      this.#pings.get(message.ticket)?.();
      this.#pings.delete(message.ticket);
      return;
    }
    const entry = this.#byNumber.get(message.tree);
    if (entry === undefined) return;
    switch (message.type) {
      case "state": {
        const files = mergeFiles(message.whole ? [] : (entry.state?.files ?? []), message.changes);
        const state: TreeState = { root: entry.root, ...message.meta, files };
        entry.state = state;
        entry.gone = false;
        for (const tree of entry.holders) tree.emit("state", state);
        break;
      }
      case "gone":
        entry.state = undefined;
        entry.gone = true;
        for (const tree of entry.holders) tree.emit("gone");
        break;
      case "trouble": {
        const { code, message: text } = message;
        for (const tree of entry.holders) tree.emit("trouble", { code, message: text });
        break;
      }
      case "log":
        this.#logger[message.level]({ root: entry.root, ...message.fields }, message.message);
        break;
      case "refreshed":
        this.#onRefreshed(entry, message.ticket, message.scannedAt);
    }
  }

  #onRefreshed(entry: Entry, ticket: number, scannedAt: number | undefined): void {
    if (entry.state !== undefined && scannedAt !== undefined) {
      entry.state = { ...entry.state, scannedAt };
      for (const tree of entry.holders) tree.emit("scanned", scannedAt);
    }
    entry.tickets.get(ticket)?.(entry.state);
    entry.tickets.delete(ticket);
  }

  #answerAll(entry: Entry): void {
    for (const resolve of entry.tickets.values()) resolve(entry.state);
    entry.tickets.clear();
  }
}
