import { readIfAllowed } from "./files.js";

/** The contents of small files as they were last looked at: tells a file that changed from one that may have. */
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

  /** To be called when what depends on the files has been read after {@link changes}. */
  remember(changes: ReadonlyMap<string, Buffer | undefined>): void {
    for (const [path, bytes] of changes) this.#contents.set(path, bytes);
  }
}
