import { compileWildmatch } from "../glob/wildmatch.js";
import type { BytePath } from "../io/byte-path.js";
import { readIfAllowed } from "../io/files.js";

/** Longer files are cut: they order nothing that people look at. */
const MAX_PATTERNS = 100_000;

/** In which order the patches of tracked files stand, where `diff.orderFile` says so. */
export class OrderFile {
  readonly #patterns: readonly ((text: string) => boolean)[];

  /**
   * Reads an order file: a glob on each line, in which `*` matches `/`, too. Rules:
   * <https://git-scm.com/docs/git-config#Documentation/git-config.txt-difforderFile>.
   *
   * @param path absolute; an order file that can't be read orders nothing
   */
  constructor(path: string) {
    const lines = readIfAllowed(path)?.bytes.toString("latin1").split("\n") ?? [];
    const patterns = lines.filter((line) => line !== "" && !line.startsWith("#")).slice(0, MAX_PATTERNS);
    this.#patterns = patterns.map((line) => compileWildmatch(line, { pathname: false, ignoreCase: false }));
  }

  /** Where a path stands: the number of the first pattern that matches it or a directory above it; else behind all. */
  rank(path: BytePath): number {
    const above: BytePath[] = [];
    for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) above.push(path.slice(0, end));
    const rank = this.#patterns.findIndex((matches) => above.some(matches));
    return rank < 0 ? this.#patterns.length : rank;
  }
}
