import type { TreeFile } from "../protocol/index.js";
import type { ComparedState } from "./comparison/compared-state.js";

/** A state of one working tree. Immutable; files that did not change are the same objects in the next state. */
export interface TreeState {
  /** Absolute path of the working tree. */
  readonly root: string;
  /** HEAD's commit, full hexadecimal; "" when unborn. */
  readonly head: string;
  /** "" when detached. */
  readonly branch: string;
  /** `remote.origin.url`, or "". */
  readonly remoteOrigin: string;
  /** Milliseconds since 1970: when this was last known to be true. */
  readonly scannedAt: number;
  /** "" when file events cover the tree and every file was read, else what is missing, in words. */
  readonly health: string;
  /** Ascending by key. */
  readonly files: readonly TreeFile[];
  /** What the files are compared with, where that is not HEAD as it is asked for. */
  readonly compared?: ComparedState;
}

/** What is logged of a tree: pino's loggers are such, and so is the way from a thread to the main thread's. */
export interface TreeLogger {
  trace(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
