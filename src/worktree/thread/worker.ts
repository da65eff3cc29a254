// The thread in which the trees live. Bulk file work is synchronous here, so that the main thread's heartbeats go out
// while a tree of 80,000 files is read.
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { comparisonKey, type FileChanges, type WantedComparison } from "../../protocol/index.js";
import { collectOnceStarted, messageOf } from "../../util/index.js";
import { Tracker, type TrackerOptions } from "../follow/tracker.js";
import type { TreeLogger, TreeState } from "../types.js";
import { createNames } from "../watch/create-watcher.js";
import { subscriptionsEnded } from "../watch/parcel-watcher.js";
import type { FromWorker, ToWorker, WorkerOptions } from "./messages.js";
import { answerQuestion } from "./questions.js";

/** One followed tree, as the main thread hears of it. */
class FollowedTree {
  readonly tracker: Tracker;
  readonly #post: (message: FromWorker) => void;
  readonly #tree: number;
  /** Whether the main thread has a state of it from this thread. */
  #isKnown = false;
  /** Its comparisons, by their key. */
  readonly #compared = new Map<string, { number: number; wanted: WantedComparison; isKnown: boolean }>();

  constructor(
    tree: number,
    place: Pick<TrackerOptions, "root" | "top" | "names">,
    options: WorkerOptions,
    post: (message: FromWorker) => void,
  ) {
    this.#tree = tree;
    this.#post = post;
    this.tracker = new Tracker({
      ...place,
      logger: this.#logger(options),
      maxPatchBytes: options.maxPatchBytes,
      keptPatchBytes: options.keptPatchBytes,
      sweep: options.sweep,
      watcher: options.watcher,
      filters: options.filters,
      ...(options.allowed !== undefined && { allowed: options.allowed }),
      onState: (state, changes) => this.#onState(state, changes),
      onCompared: (key, state, changes) => this.#onCompared(key, state, changes),
      onGone: () => {
        this.#isKnown = false;
        post({ type: "gone", tree });
        for (const compared of this.#compared.values()) {
          compared.isKnown = false;
          post({ type: "gone", tree: compared.number });
        }
      },
      onTrouble: (code, message) => post({ type: "trouble", tree, code, message }),
    });
  }

  /** Follows a comparison as well. @param number that it has for the main thread */
  compare(number: number, wanted: WantedComparison): void {
    this.#compared.set(comparisonKey(wanted), { number, wanted, isKnown: false });
    this.#wantCompared();
    if (this.tracker.gone) this.#post({ type: "gone", tree: number });
  }

  /** Follows one of them no longer. */
  uncompare(number: number): void {
    for (const [key, compared] of this.#compared) if (compared.number === number) this.#compared.delete(key);
    this.#wantCompared();
  }

  #wantCompared(): void {
    this.tracker.compare(Array.from(this.#compared.values(), ({ wanted }) => wanted));
  }

  #logger({ traces }: WorkerOptions): TreeLogger {
    const logAt = (level: keyof TreeLogger) => (fields: object, message: string) => {
      this.#post({ type: "log", tree: this.#tree, level, fields, message });
    };
    return { trace: traces ? logAt("trace") : () => {}, warn: logAt("warn"), error: logAt("error") };
  }

  #onCompared(key: string, { root: _root, files: _files, ...meta }: TreeState, changes: FileChanges): void {
    const compared = this.#compared.get(key);
    if (compared === undefined) return;
    this.#post({ type: "state", tree: compared.number, whole: !compared.isKnown, meta, changes });
    compared.isKnown = true;
  }

  #onState({ root: _root, files: _files, ...meta }: TreeState, changes: FileChanges): void {
    this.#post({ type: "state", tree: this.#tree, whole: !this.#isKnown, meta, changes });
    this.#isKnown = true;
  }
}

function run(port: MessagePort, options: WorkerOptions): void {
  const trees = new Map<number, FollowedTree>();
  /** The trees that comparisons are of, by the number of the comparison. */
  const compared = new Map<number, FollowedTree>();
  const names = createNames(options.watcher);
  const post = (message: FromWorker): void => port.postMessage(message);
  const reportTrouble = (tree: number) => (error: unknown) => {
    post({ type: "trouble", tree, code: "TW_TREE_UNREADABLE", message: messageOf(error) });
  };
  port.on("message", (message: ToWorker) => {
    if (message.type === "ping") {
      post({ type: "pong", ticket: message.ticket });
      return;
    }
    if (message.type === "ask") {
      const { ticket } = message;
      answerQuestion(message.place, message.question, options).then(
        (answer) => post({ type: "answer", ticket, answer }),
        (error: unknown) => post({ type: "answer", ticket, answer: { kind: "error", message: messageOf(error) } }),
      );
      return;
    }
    if (message.type === "leave") {
      for (const { tracker } of trees.values()) tracker.close();
      void subscriptionsEnded().then(() => post({ type: "left" }));
      return;
    }
    const { tree } = message;
    if (message.type === "open") {
      const followed = new FollowedTree(tree, { root: message.root, top: message.top, names }, options, post);
      trees.set(tree, followed);
      followed.tracker
        .start()
        .then(() => {
          if (followed.tracker.gone) post({ type: "gone", tree });
        })
        .catch(reportTrouble(tree));
      return;
    }
    if (message.type === "compare") {
      const followed = trees.get(message.of);
      if (followed === undefined) return;
      compared.set(tree, followed);
      followed.compare(tree, message.wanted);
      return;
    }
    const tracker = (trees.get(tree) ?? compared.get(tree))?.tracker;
    if (message.type === "close") {
      compared.get(tree)?.uncompare(tree);
      compared.delete(tree);
      trees.get(tree)?.tracker.close();
      trees.delete(tree);
    } else {
      const { ticket } = message;
      const answer = (scannedAt: number | undefined): void => post({ type: "refreshed", tree, ticket, scannedAt });
      if (tracker === undefined) answer(undefined);
      else tracker.refresh().then((state) => answer(state?.scannedAt), reportTrouble(tree));
    }
  });
}

if (parentPort !== null) {
  run(parentPort, workerData as WorkerOptions);
  collectOnceStarted();
}
