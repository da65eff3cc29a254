import { readIfAllowed } from "./files.js";

/** Takes what was read of a file to make an answer of: absolute path, and `undefined` for a file that is not there. */
export type ReadListener = (path: string, bytes: Uint8Array | undefined) => void;

/** Remembers the contents of small files, so that a file that may have changed is found to be the same. */
export class RememberedFiles {
  readonly #contents = new Map<string, Buffer | undefined>();
  /** What answers were made of, which may have been read later than it was compared, and be another content. */
  readonly #used = new Map<string, { bytes: Uint8Array | undefined; turn: number }>();
  #turn = 0;

  /** An answer is made of this content: the file has changed when it has another one, although it had that before. */
  readonly use: ReadListener = (path, bytes) => {
    this.#used.set(path, { bytes, turn: this.#turn });
  };

  /**
   * Reads files, and compares them with what {@link remember} was given, and with what was last made an answer of.
   * @param paths absolute
   * @returns those that differ: path → content, `undefined` for a file that is not there
   * @throws TreewireError `TW_PATH_UNREADABLE` for errors of input and output
   */
  changes(paths: Iterable<string>): Map<string, Buffer | undefined> {
    this.#turn += 1;
    const changes = new Map<string, Buffer | undefined>();
    for (const path of paths) {
      const bytes = readIfAllowed(path)?.bytes;
      const used = this.#used.get(path);
      const same = this.#contents.has(path) && areSame(this.#contents.get(path), bytes);
      if (!same || (used !== undefined && !areSame(used.bytes, bytes))) changes.set(path, bytes);
    }
    return changes;
  }

  /** Remembers contents. To be called after {@link changes}, when what was made of the files before is forgotten. */
  remember(changes: ReadonlyMap<string, Buffer | undefined>): void {
    for (const [path, bytes] of changes) {
      this.#contents.set(path, bytes);
      if (this.#used.get(path)?.turn !== this.#turn) this.#used.delete(path);
    }
  }
}

function areSame(a: Uint8Array | undefined, b: Buffer | undefined): boolean {
  return a === undefined || b === undefined ? a === b : b.equals(a);
}
