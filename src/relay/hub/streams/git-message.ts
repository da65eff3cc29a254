import { removedEntries } from "../encoding/removed-entries.js";
import { PIECE_UNITS, type RepositoryEntry } from "../encoding/repository-entry.js";
import type { TextFrame } from "../encoding/text-frame.js";
import type { FrameCache } from "./frame-cache.js";

/** One fragment of a message (RFC 6455, section 5.4). */
export interface Fragment {
  data: TextFrame;
  isLast: boolean;
}

/** What an entry counts for at least: paths and branches take room as well. */
const ENTRY_UNITS = 1024;

/**
 * A `changes` message that is large: it goes out in fragments, each built when the client has taken the one before. Each
 * repository is shown as it is when its turn comes, so that nothing of it is held for a client that does not read.
 */
export class ChangesMessage {
  readonly #roots: Iterator<string>;
  readonly #removed: readonly string[];
  readonly #entryToSend: (root: string) => RepositoryEntry | undefined;
  readonly #sentRoots: string[] = [];
  #entry: RepositoryEntry | undefined;
  #piece = 0;
  #hasBegun = false;

  /**
   * @param roots whose turn comes, in order
   * @param entryToSend what the client lacks of a tree when its turn comes, as far as the message has room for it;
   *   `undefined`: nothing any more. It counts as sent
   */
  constructor(
    roots: readonly string[],
    removed: readonly string[],
    entryToSend: (root: string) => RepositoryEntry | undefined,
  ) {
    this.#roots = roots.values();
    this.#removed = removed;
    this.#entryToSend = entryToSend;
  }

  /** The roots of which the message has carried something so far. */
  get sentRoots(): readonly string[] {
    return this.#sentRoots;
  }

  /** @param end what stands behind the list of repositories, when it is complete */
  next(frames: FrameCache, end: () => string): Fragment {
    const parts: (string | Buffer)[] = [];
    const names: string[] = [];
    if (!this.#hasBegun) parts.push('{"type":"changes","repositories":[');
    names.push(String(this.#hasBegun));
    this.#hasBegun = true;
    let units = 0;
    for (;;) {
      if (units >= PIECE_UNITS) return { data: frames.fragment(names.join(" "), parts), isLast: false };
      const entry = this.#entry ?? this.#nextEntry();
      if (entry === undefined) break;
      const size = entry.unitsOf(this.#piece);
      if (units > 0 && units + size > PIECE_UNITS)
        return { data: frames.fragment(names.join(" "), parts), isLast: false };
      units += Math.max(ENTRY_UNITS, size);
      if (this.#piece === 0 && this.#sentRoots.length > 1) parts.push(",");
      parts.push(entry.piece(this.#piece));
      names.push(`${this.#sentRoots.length > 1} ${entry.id}:${this.#piece}`);
      this.#piece += 1;
      if (this.#piece < entry.pieceCount) continue;
      this.#entry = undefined;
    }
    const { json: removed } = removedEntries(this.#removed);
    parts.push(removed !== "" && this.#sentRoots.length > 0 ? `,${removed}` : removed, `]${end()}`);
    names.push(String(parts.at(-2)), String(parts.at(-1)));
    return { data: frames.fragment(names.join(" "), parts), isLast: true };
  }

  #nextEntry(): RepositoryEntry | undefined {
    for (let next = this.#roots.next(); !next.done; next = this.#roots.next()) {
      const entry = this.#entryToSend(next.value);
      if (entry === undefined) continue;
      this.#sentRoots.push(next.value);
      this.#piece = 0;
      this.#entry = entry;
      return entry;
    }
    return undefined;
  }
}
