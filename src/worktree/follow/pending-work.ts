import type { RepositoryPart } from "../../git/index.js";
import type { PassRequest } from "../patches/pass-request.js";

const ALL_OF_THE_REPOSITORY: readonly RepositoryPart[] = ["head", "index", "config", "ignore", "attributes", "objects"];

/** What has to be looked at collects here until a pass takes it; after a pass that failed it comes back. */
export class PendingWork {
  #paths = new Map<string, boolean>();
  #repository = new Set<RepositoryPart>();
  #everything: PassRequest["everything"] = "no";

  /** @param path byte path @param replaced whether the name may stand for another file than before */
  addPath(path: string, replaced: boolean): void {
    this.#paths.set(path, replaced || this.#paths.get(path) === true);
  }

  addRepositoryPart(part: RepositoryPart): void {
    this.#repository.add(part);
  }

  addWholeRepository(): void {
    for (const part of ALL_OF_THE_REPOSITORY) this.#repository.add(part);
  }

  /** @param how a relisting includes a sweep */
  addEverything(how: "sweep" | "relist"): void {
    if (how === "relist" || this.#everything === "no") this.#everything = how;
  }

  /** Everything that was added; nothing is left. */
  take(): PassRequest {
    const taken = { paths: this.#paths, repository: this.#repository, everything: this.#everything };
    this.#paths = new Map();
    this.#repository = new Set();
    this.#everything = "no";
    return taken;
  }

  /**
   * Takes out the paths whose name still stands for the same file as before, and nothing else; everything that was
   * added besides stays.
   * @param isSame whether that is true of a path of which no event says otherwise
   */
  takeEdits(isSame: (path: string) => boolean): PassRequest {
    const paths = new Map<string, boolean>();
    for (const [path, replaced] of this.#paths) {
      if (replaced || !isSame(path)) continue;
      this.#paths.delete(path);
      paths.set(path, false);
    }
    return { paths, repository: new Set(), everything: "no" };
  }

  /** Adds the request of a pass that failed: it may have been looked at in part, so a sweep becomes a relisting. */
  putBack({ paths, repository, everything }: PassRequest): void {
    for (const [path, replaced] of paths) this.addPath(path, replaced);
    for (const part of repository) this.#repository.add(part);
    if (everything !== "no") this.#everything = "relist";
  }
}
