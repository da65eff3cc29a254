import type { RepositoryPart } from "../../git/index.js";

/** What one pass has to look at. */
export interface PassRequest {
  /** Byte path → whether the name may stand for another file than before. */
  readonly paths: ReadonlyMap<string, boolean>;
  readonly repository: ReadonlySet<RepositoryPart>;
  /** `sweep`: look at every file again; `relist`: and cover every directory anew. */
  readonly everything: "no" | "sweep" | "relist";
}

const ALL_OF_THE_REPOSITORY: readonly RepositoryPart[] = ["head", "index", "config", "ignore", "attributes", "objects"];

/** Doubts pile up here until a pass takes them; those of a pass that failed come back. */
export class PendingWork {
  #paths = new Map<string, boolean>();
  #repository = new Set<RepositoryPart>();
  #everything: PassRequest["everything"] = "no";

  addPath(path: string, replaced: boolean): void {
    this.#paths.set(path, replaced || this.#paths.get(path) === true);
  }

  addRepository(change: RepositoryPart): void {
    this.#repository.add(change);
  }

  addWholeRepository(): void {
    for (const change of ALL_OF_THE_REPOSITORY) this.#repository.add(change);
  }

  addEverything(how: "sweep" | "relist"): void {
    if (how === "relist" || this.#everything === "no") this.#everything = how;
  }

  /** What is in doubt, which is nobody else's business any more. */
  take(): PassRequest {
    const taken = { paths: this.#paths, repository: this.#repository, everything: this.#everything };
    this.#paths = new Map();
    this.#repository = new Set();
    this.#everything = "no";
    return taken;
  }

  /** After a failure: whatever was to be looked at may have been looked at in part. */
  putBack({ paths, repository, everything }: PassRequest): void {
    for (const [path, replaced] of paths) this.addPath(path, replaced);
    for (const change of repository) this.#repository.add(change);
    if (everything !== "no") this.#everything = "relist";
  }
}
