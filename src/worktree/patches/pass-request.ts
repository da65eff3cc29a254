import type { RepositoryPart } from "../../git/index.js";

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
