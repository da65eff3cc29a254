import type { RepositoryPart } from "../../git/index.js";
import type { SlowReads } from "./slow-reads.js";

/** What one pass has to look at, beside what is known to be outdated from the passes before. */
export interface PassRequest {
  /** Byte path → whether the name may stand for another file than before. */
  readonly paths: ReadonlyMap<string, boolean>;
  readonly repository: ReadonlySet<RepositoryPart>;
  /** `sweep`: look at every file again; `relist`: and cover every directory anew. */
  readonly everything: "no" | "sweep" | "relist";
}

/** Asks for nothing: a first pass reads everything all the same. */
export const EMPTY_REQUEST: PassRequest = { paths: new Map(), repository: new Set(), everything: "no" };

/** A failure that concerns one path; what was known of it stands. */
export interface PathTrouble {
  /** Byte path. */
  readonly path: string;
  readonly message: string;
  /** What was thrown, unless it was only found that something is closed to us. */
  readonly cause?: unknown;
}

/** How a diff goes on without files that take long to read. */
export interface PassesWithout {
  /** Reads them; closed with the diff. */
  readonly reads: SlowReads;
  /** How long a pass waits for what it has begun to read, in milliseconds. */
  readonly patienceMs: number;
  /** See {@link ReadingBeside}. */
  readonly maxHashedBytes: number;
}
