import { readIfAllowed } from "./files.js";

/** Remembers the contents of small files, so that a file that may have changed is found to be the same. */
export class RememberedFiles {
  readonly #contents = new Map<string, Buffer | undefined>();

  /**
   * Reads files, and compares them with what {@link remember} was given.
   * @param paths absolute
   * @returns those that differ: path → content, `undefined` for a file that is not there
   * @throws TreewireError `TW_PATH_UNREADABLE` for errors of input and output
   */
  changes(paths: Iterable<string>): Map<string, Buffer | undefined> {
    const changes = new Map<string, Buffer | undefined>();
    for (const path of paths) {
      const bytes = readIfAllowed(path)?.bytes;
      const known = this.#contents.get(path);
      const same = this.#contents.has(path) && (bytes === undefined ? known === undefined : known?.equals(bytes));
      if (same !== true) changes.set(path, bytes);
    }
    return changes;
  }

  /** Remembers contents. To be called after {@link changes}, when what depends on the files has been read. */
  remember(changes: ReadonlyMap<string, Buffer | undefined>): void {
    for (const [path, bytes] of changes) this.#contents.set(path, bytes);
  }
}
