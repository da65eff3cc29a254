import type { FilterPolicy } from "../../git/index.js";
import type { FileChanges, WantedComparison } from "../../protocol/index.js";
import type { TreeLogger, TreeState } from "../types.js";
import type { WatcherKind } from "../watch/watcher-kinds.js";
import type { AskedPlace, RepositoryAnswer, RepositoryQuestion } from "./questions.js";

/** What the thread of the trees is started with. */
export interface WorkerOptions {
  /** Whether each event is logged: too many to be sent for nothing. */
  readonly traces: boolean;
  /** Hunks of one file over this many bytes of UTF-8 are left out and counted. */
  readonly maxPatchBytes: number;
  /** Hunks that the thread keeps for one tree, in bytes of UTF-8. */
  readonly keptPatchBytes: number;
  readonly sweep: boolean;
  readonly watcher: WatcherKind;
  readonly filters: FilterPolicy;
  /** Directories besides each tree's root out of which no tree must lead. `undefined`: they may lead anywhere. */
  readonly allowed: readonly string[] | undefined;
}

/** Main thread → the thread of the trees. `tree` is a number that stands for one opening of one root. */
export type ToWorker =
  /** `top` holds `.git`, where that is not in the root. */
  | { readonly type: "open"; readonly tree: number; readonly root: string; readonly top: string }
  /** Another number for a comparison of the tree `of`, which is followed as long as that is open. */
  | { readonly type: "compare"; readonly tree: number; readonly of: number; readonly wanted: WantedComparison }
  | { readonly type: "close"; readonly tree: number }
  | { readonly type: "refresh"; readonly tree: number; readonly ticket: number }
  /** Answered with `answer`. */
  | { readonly type: "ask"; readonly ticket: number; readonly place: AskedPlace; readonly question: RepositoryQuestion }
  /** Closes all trees. Answered with `left` when nothing outside of the thread calls into it any more. */
  | { readonly type: "leave" }
  /** Answered with `pong` by a thread that is not stuck. */
  | { readonly type: "ping"; readonly ticket: number };

/** A state without its files. */
export type TreeMeta = Omit<TreeState, "root" | "files">;

/** A state of a tree, as what differs from the one before. */
export interface StateMessage {
  readonly type: "state";
  readonly tree: number;
  /** It is the first of this thread since the tree was opened or was gone: `changes` leads from the empty list. */
  readonly whole: boolean;
  readonly meta: TreeMeta;
  readonly changes: FileChanges;
}

/** The answer to a question; `error` in place of one: what went wrong, in one line. */
export interface AnswerMessage {
  readonly type: "answer";
  readonly ticket: number;
  readonly answer: RepositoryAnswer | { readonly kind: "error"; readonly message: string };
}

/** The thread of the trees → main thread. */
export type FromWorker =
  | StateMessage
  | { readonly type: "gone"; readonly tree: number }
  | { readonly type: "trouble"; readonly tree: number; readonly code: string; readonly message: string }
  /** For the main thread's logger: one for each thread would cost each of them its start. */
  | {
      readonly type: "log";
      readonly tree: number;
      readonly level: keyof TreeLogger;
      readonly fields: object;
      readonly message: string;
    }
  | AnswerMessage
  | { readonly type: "pong"; readonly ticket: number }
  | { readonly type: "left" }
  /** The barrier has passed; the states before it have been posted. `scannedAt` is `undefined` when the tree is gone. */
  | {
      readonly type: "refreshed";
      readonly tree: number;
      readonly ticket: number;
      readonly scannedAt: number | undefined;
    };
