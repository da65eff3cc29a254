import { textOfBytes } from "../../git/index.js";
import type { TreeLogger } from "../types.js";

/** So many directories are named in the log because something in them is left out. */
const MAX_WARNINGS = 20;

/** Says of each directory once that something in it is left out. */
export class TooDeepWarnings {
  readonly #logger: TreeLogger;
  readonly #warned = new Set<string>();

  constructor(logger: TreeLogger) {
    this.#logger = logger;
  }

  /** @param directories byte paths */
  warn(directories: ReadonlySet<string>): void {
    for (const path of directories) {
      if (this.#warned.has(path) || this.#warned.size === MAX_WARNINGS) continue;
      this.#warned.add(path);
      this.#logger.warn({ path: textOfBytes(path) }, "left out what is deeper: its path is too long");
    }
  }
}
