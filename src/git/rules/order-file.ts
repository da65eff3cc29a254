import { compileGlob } from "../glob/path-pattern.js";
import { GlobIndex } from "../glob/pattern-index.js";
import type { BytePath } from "../io/byte-path.js";
import { readIfAllowed } from "../io/files.js";
import type { ReadListener } from "../io/remembered-files.js";

/** Longer files are cut: they order nothing that people look at. */
const MAX_PATTERNS = 100_000;

/** In which order the patches of tracked files stand, where `diff.orderFile` says so. */
export class OrderFile {
  readonly #globs = new GlobIndex();
  /** How many there are; they are numbered from the last one, since the index tells the highest number. */
  readonly #count: number;

  /**
   * Reads an order file: a glob on each line, in which `*` matches `/`, too. Rules:
   * <https://git-scm.com/docs/git-config#Documentation/git-config.txt-difforderFile>.
   *
   * @param path absolute; an order file that can't be read orders nothing
   * @param onRead told of what was read
   */
  constructor(path: string, onRead?: ReadListener) {
    const bytes = readIfAllowed(path)?.bytes;
    onRead?.(path, bytes);
    const lines = bytes?.toString("latin1").split("\n") ?? [];
    const patterns = lines.filter((line) => line !== "" && !line.startsWith("#")).slice(0, MAX_PATTERNS);
    this.#count = patterns.length;
    for (const [number, line] of patterns.reverse().entries()) {
      this.#globs.add(compileGlob(line, { pathname: false, ignoreCase: false }), number);
    }
  }

  /** Where a path stands: the number of the first pattern that matches it or a directory above it; else behind all. */
  rank(path: BytePath): number {
    let last = -1;
    for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
      const above = path.slice(0, end);
      last = this.#globs.last(above, above, last);
    }
    return this.#count - 1 - last;
  }
}
