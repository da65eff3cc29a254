import { statSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { RepositoryPart } from "../../git/index.js";
import type { DirectoryWatch } from "../scan/directory-node.js";
import type { DirectoryWatcher } from "./directory-watcher.js";

/**
 * Follows the files of a repository that decide what its diff is: HEAD, the branch, the index, configuration, exclude
 * files. Git replaces them by rename, so it is their directories that are watched, not they, and never what lies
 * below `objects`. A file whose directory is not there yet counts from the moment the first missing name appears.
 */
export class RepositoryWatch {
  readonly #watcher: Pick<DirectoryWatcher, "coverOther">;
  readonly #onChange: (part: RepositoryPart, path: string) => void;
  #watches: DirectoryWatch[] = [];

  constructor(watcher: Pick<DirectoryWatcher, "coverOther">, onChange: (part: RepositoryPart, path: string) => void) {
    this.#watcher = watcher;
    this.#onChange = onChange;
  }

  /**
   * Places the watches anew, the new ones before the old ones go. What they concern is to be read after this.
   * @param paths absolute path of a file or directory → what its change may have changed
   */
  place(paths: ReadonlyMap<string, RepositoryPart>): void {
    const wanted = new Map<string, Map<string, Set<RepositoryPart>>>();
    const want = (directory: string, name: string, part: RepositoryPart): void => {
      const names = wanted.get(directory) ?? new Map<string, Set<RepositoryPart>>();
      // files of several parts can be below one directory that is not there yet
      wanted.set(directory, names.set(name, (names.get(name) ?? new Set()).add(part)));
    };
    for (const [path, part] of paths) {
      let name = path;
      let directory = dirname(path);
      while (!isDirectory(directory) && dirname(directory) !== directory) {
        name = directory;
        directory = dirname(directory);
      }
      want(directory, basename(name), part);
      if (isDirectory(path)) want(path, "*", part);
    }
    const before = this.#watches;
    this.#watches = [...wanted].flatMap(([directory, names]) =>
      this.#watcher.coverOther(directory, (name) => {
        const all = (): RepositoryPart[] => [...names.values()].flatMap((parts) => [...parts]);
        const parts = name === undefined ? all() : (names.get(name) ?? names.get("*") ?? []);
        const path = name === undefined ? directory : `${directory}/${name}`;
        for (const part of new Set(parts)) this.#onChange(part, path);
      }),
    );
    for (const watch of before) watch.close();
  }

  close(): void {
    for (const watch of this.#watches) watch.close();
    this.#watches = [];
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
