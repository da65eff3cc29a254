import { diffFiles, type TreeFile } from "../../protocol/index.js";
import { pathOfKey } from "../patches/tree-file.js";
import { parentPath } from "../paths.js";

/** The paths that events have named while a sweep ran, by which a change is found that no event told of. */
export class NamedPaths {
  readonly #paths = new Set<string>();
  #repository = false;

  /** @param path byte path; "" for the root */
  add(path: string): void {
    this.#paths.add(path);
  }

  /** An event named a file of the repository's own, which can change any path of the diff. */
  addRepository(): void {
    this.#repository = true;
  }

  /** The byte paths of the files that differ although no event named them or a directory above them. */
  missing(before: readonly TreeFile[], after: readonly TreeFile[]): string[] {
    if (this.#repository) return [];
    const changed = Array.from(diffFiles(before, after).keys(), pathOfKey);
    return changed.filter((path) => !this.#isNamed(path));
  }

  #isNamed(path: string): boolean {
    for (let at = path; at !== ""; at = parentPath(at)) if (this.#paths.has(at)) return true;
    return this.#paths.has("");
  }
}
