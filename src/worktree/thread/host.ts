import { Worker } from "node:worker_threads";
import type { FilterPolicy } from "../../git/index.js";
import { comparisonKey, diffFiles, mergeFiles, treeKey, type WantedComparison } from "../../protocol/index.js";
import type { Logger } from "../../util/index.js";
import { packagePath } from "../../util/index.js";
import { topOf } from "../root-places.js";
import type { TreeState } from "../types.js";
import { defaultWatcher, type WatcherKind } from "../watch/watcher-kinds.js";
import type { AnswerMessage, FromWorker, StateMessage, ToWorker, WorkerOptions } from "./messages.js";
import type { RepositoryAnswer, RepositoryQuestion } from "./questions.js";
import { type Entry, Tree } from "./tree.js";

const YOUNG_GENERATION_MB = 8;
/** A thread that does not leave by itself is ended after this time, in milliseconds. */
const LEAVE_MS = 1000;
/** A thread without a tree is ended after this time, with all of its memory. Who reloads a page is back sooner. */
const REST_MS = 30_000;

export interface TreeHostOptions {
  logger: Logger;
  /** Hunks of one file over this many bytes of UTF-8 are left out and counted. Default 3 MiB: the wire's limit. */
  maxPatchBytes?: number;
  /** Hunks that are kept in memory for one tree, in bytes of UTF-8. Default 8 MiB: more than any client is sent. */
  keptPatchBytes?: number;
  /** `false`: nothing is looked at without an event or a refresh; for tests of the events. */
  sweep?: boolean;
  /** Where events come from. Default: as the platform has it. */
  watcher?: WatcherKind;
  /** Whose filters are run. Default: the user's. */
  filters?: FilterPolicy;
  /**
   * Directories besides each tree's root out of which no tree must lead, whenever it is opened. Default: they may lead
   * anywhere.
   */
  allowed?: readonly string[];
  /** What the thread runs; another one than worker for tests alone. */
  program?: string | URL;
  /** How long a thread without a tree is kept, in milliseconds; for tests. */
  restMs?: number;
}

/**
 * Owns the thread in which trees are followed, and hands out reference-counted views of them. Should the thread die,
 * it is started again and every tree is read anew.
 */
export class TreeHost {
  readonly #options: WorkerOptions;
  readonly #logger: Logger;
  readonly #program: string | URL;
  readonly #byKey = new Map<string, Entry>();
  readonly #restMs: number;
  #resting: NodeJS.Timeout | undefined;
  readonly #byNumber = new Map<number, Entry>();
  readonly #pings = new Map<number, () => void>();
  readonly #questions = new Map<number, (answer: AnswerMessage["answer"]) => void>();
  #worker: Worker | undefined;
  #numbers = 0;
  #tickets = 0;
  #closed = false;

  constructor({
    logger,
    maxPatchBytes = 3 * 1024 * 1024,
    keptPatchBytes = 8 * 1024 * 1024,
    sweep = true,
    watcher = defaultWatcher(),
    filters = "user",
    allowed,
    program = packagePath("dist/bin/tree-thread.cjs"),
    restMs = REST_MS,
  }: TreeHostOptions) {
    this.#program = program;
    this.#restMs = restMs;
    this.#logger = logger;
    const traces = logger.isLevelEnabled("trace");
    this.#options = { traces, maxPatchBytes, keptPatchBytes, sweep, watcher, filters, allowed };
  }

  /**
   * Follows a working tree.
   *
   * @param root absolute path of it, as `resolveRoot` gives it
   * @param wanted what it is compared with, where that is not HEAD: all comparisons of a root share one look at its files
   */
  open(root: string, wanted?: WantedComparison): Tree {
    const key = keyOf(root, wanted);
    let entry = this.#byKey.get(key);
    if (entry === undefined) {
      entry = this.#createEntry(root, wanted && { of: this.open(root), wanted });
      this.#byKey.set(key, entry);
      this.#byNumber.set(entry.number, entry);
      this.#postOpen(entry);
    }
    const tree = new Tree(entry, (holder) => this.#release(holder));
    entry.holders.add(tree);
    return tree;
  }

  /**
   * Asks about a repository, whether or not it is followed.
   *
   * @param root absolute path of its working tree
   * @throws Error in one line: it cannot be read, or the thread has ended
   */
  ask(root: string, question: RepositoryQuestion): Promise<RepositoryAnswer> {
    return new Promise((resolve, reject) => {
      this.#tickets += 1;
      this.#questions.set(this.#tickets, (answer) => {
        if (answer.kind === "error") reject(new Error(answer.message));
        else resolve(answer);
      });
      this.#post({ type: "ask", ticket: this.#tickets, place: { root, top: topOf(root) }, question });
      if (this.#closed) this.#endQuestions();
    });
  }

  #endQuestions(): void {
    for (const settle of this.#questions.values())
      settle({ kind: "error", message: "the thread of the trees has ended" });
    this.#questions.clear();
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
    clearTimeout(this.#resting);
    this.#endQuestions();
    for (const entry of this.#byNumber.values()) this.#answerAll(entry);
    this.#byKey.clear();
    this.#byNumber.clear();
    await this.#end();
  }

  /** Ends the thread, if there is one. */
  async #end(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    if (this.#options.watcher === "parcel") await leave(worker);
    await worker.terminate();
  }

  /** Ends a thread that has had no tree for a while: nobody watches, and nothing is paid for. */
  #restLater(): void {
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => {
      if (this.#byNumber.size === 0) void this.#end(); // whatever is opened meanwhile, the next thread reads
    }, this.#restMs).unref();
  }

  #postOpen({ number, root, comparison }: Entry): void {
    if (comparison === undefined) {
      this.#post({ type: "open", tree: number, root, top: topOf(root) });
      return;
    }
    const { of, wanted } = comparison;
    const head = this.#byKey.get(of.root);
    if (head !== undefined) this.#post({ type: "compare", tree: number, of: head.number, wanted });
  }

  #createEntry(root: string, comparison: Entry["comparison"]): Entry {
    this.#numbers += 1;
    const entry: Entry = {
      root,
      comparison,
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
    const { entry } = tree;
    const key = keyOf(entry.root, entry.comparison?.wanted);
    if (this.#byKey.get(key) !== entry || !entry.holders.delete(tree) || entry.holders.size > 0) return;
    this.#byKey.delete(key);
    this.#byNumber.delete(entry.number);
    this.#answerAll(entry);
    this.#post({ type: "close", tree: entry.number });
    entry.comparison?.of.close();
    if (this.#byNumber.size === 0) this.#restLater();
  }

  #post(message: ToWorker): void {
    if (this.#closed) return;
    this.#worker ??= this.#startWorker();
    this.#worker.postMessage(message);
  }

  #startWorker(): Worker {
    const worker = new Worker(this.#program, {
      workerData: this.#options,
      // a scan makes garbage by the file: a small nursery is emptied often and keeps the process small
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    worker.unref();
    worker.on("message", (message: FromWorker) => this.#onMessage(message));
    worker.on("error", (error) => this.#logger.error({ err: error }, "the thread of the trees died"));
    worker.on("exit", () => {
      if (this.#worker === worker) this.#restart();
    });
    return worker;
  }

  #restart(): void {
    this.#worker = undefined;
    for (const resolve of this.#pings.values()) resolve();
    this.#pings.clear();
    this.#endQuestions();
    if (this.#closed) return;
    for (const entry of this.#byNumber.values()) {
      this.#postOpen(entry);
      for (const ticket of entry.tickets.keys()) this.#post({ type: "refresh", tree: entry.number, ticket });
    }
  }

  #onMessage(message: FromWorker): void {
    if (message.type === "left") return; // to whoever asked for it
    if (message.type === "pong") {
      this.#pings.get(message.ticket)?.();
      this.#pings.delete(message.ticket);
      return;
    }
    if (message.type === "answer") {
      this.#questions.get(message.ticket)?.(message.answer);
      this.#questions.delete(message.ticket);
      return;
    }
    const entry = this.#byNumber.get(message.tree);
    if (entry === undefined) return;
    switch (message.type) {
      case "state":
        this.#onState(entry, message);
        break;
      case "gone":
        entry.state = undefined;
        entry.gone = true;
        for (const tree of entry.holders) tree.emit("gone");
        break;
      case "trouble": {
        const { code, message: text } = message;
        for (const { holders } of [entry, ...this.#comparisonsOf(entry)]) {
          for (const tree of holders) tree.emit("trouble", { code, message: text });
        }
        break;
      }
      case "log":
        this.#logger[message.level]({ root: entry.root, ...message.fields }, message.message);
        break;
      case "refreshed":
        this.#onRefreshed(entry, message.ticket, message.scannedAt);
    }
  }

  #comparisonsOf({ root }: Entry): Entry[] {
    return [...this.#byNumber.values()].filter(({ comparison }) => comparison?.of.root === root);
  }

  #onState(entry: Entry, { whole, meta, changes }: StateMessage): void {
    const before = entry.state?.files ?? [];
    // a thread that took the place of a dead one knows nothing of the states before
    const real = whole && before.length > 0 ? diffFiles(before, mergeFiles([], changes)) : changes;
    const state: TreeState = { root: entry.root, ...meta, files: mergeFiles(before, real) };
    entry.state = state;
    entry.gone = false;
    for (const tree of entry.holders) tree.emit("state", state, real);
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

/** What a comparison of a root is kept under; the root itself has its own name. */
function keyOf(root: string, wanted: WantedComparison | undefined): string {
  return treeKey(root, wanted && comparisonKey(wanted));
}

/** Has a thread close its trees. @returns when it has, or has not done so in time, or is gone */
function leave(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, LEAVE_MS);
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    worker.on("exit", end);
    worker.on("message", ({ type }: FromWorker) => {
      if (type === "left") end();
    });
    worker.postMessage({ type: "leave" } satisfies ToWorker);
  });
}
