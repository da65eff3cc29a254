import { dirname, join } from "node:path";
import type { DirectoryWatch } from "../scan/directory-node.js";
import type { DirectoryWatcher } from "./directory-watcher.js";

/**
 * Notices that a working tree's root, or any directory above it, or its `.git` was moved, deleted or created: a watch
 * on each directory of the path that exists, for the next name of the path. A directory does not report that one
 * above it was moved.
 */
export class RootWatch {
  readonly #watcher: DirectoryWatcher;
  readonly #root: string;
  readonly #onChange: () => void;
  #watches: DirectoryWatch[] = [];

  /** @param root absolute path. @param onChange called when the root may not be what it was */
  constructor(watcher: DirectoryWatcher, root: string, onChange: () => void) {
    this.#watcher = watcher;
    this.#root = root;
    this.#onChange = onChange;
  }

  /**
   * Places the watches anew, the new ones before the old ones go. Look at the root after this.
   * @param intoGit also what makes `.git` a repository or not, for as long as it is none
   */
  place(intoGit: boolean): void {
    const before = this.#watches;
    this.#watches = [];
    const git = join(this.#root, ".git");
    if (intoGit) this.#cover(git, undefined);
    for (let path = git; dirname(path) !== path; path = dirname(path)) {
      this.#cover(dirname(path), path.slice(path.lastIndexOf("/") + 1));
    }
    for (const watch of before) watch.close();
  }

  close(): void {
    for (const watch of this.#watches) watch.close();
    this.#watches = [];
  }

  #cover(directory: string, wanted: string | undefined): void {
    const expected = wanted === undefined ? undefined : Buffer.from(wanted).toString("latin1");
    this.#watches.push(
      ...this.#watcher.coverOther(directory, (name, replaced) => {
        if (expected === undefined || (replaced && (name === undefined || name === expected))) this.#onChange();
      }),
    );
  }
}
