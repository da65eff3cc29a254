import { textOfBytes } from "../../git/index.js";
import type { TreeLogger, TreeState } from "../types.js";
import { NamedPaths } from "./named-paths.js";

export interface UnaskedLookOptions {
  logger: TreeLogger;
  /** The newest state of the tree; `undefined` while it is gone. */
  state: () => TreeState | undefined;
  /** Whether no event waits for its pass. */
  isQuiet: () => boolean;
  /** Whether each change has its event by the time that a look sees it. */
  isCovered: () => boolean;
  /** Looks at everything once. */
  look: () => Promise<void>;
}

/** Looks at everything although no event asks for it, and logs what differs: a write without an event, or a fault of the watcher. */
export class UnaskedLook {
  readonly #options: UnaskedLookOptions;
  #named: NamedPaths | undefined;

  constructor(options: UnaskedLookOptions) {
    this.#options = options;
  }

  /** What events name while a look is under way; `undefined`: there is none. */
  get named(): NamedPaths | undefined {
    return this.#named;
  }

  async run(): Promise<void> {
    const { logger, state, isQuiet, isCovered, look } = this.#options;
    const before = state();
    // where events are at work already, or another look is, there is nothing to say
    if (before === undefined || !isQuiet() || this.#named !== undefined) return look();
    const named = new NamedPaths();
    this.#named = named;
    await look();
    // an event of a write that the look has seen is in the queue already: two turns deliver it
    for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => setImmediate(resolve));
    this.#named = undefined;
    const after = state();
    if (after === undefined || !isCovered()) return; // an event may be on its way
    for (const path of named.missing(before.files, after.files)) {
      logger.warn({ path: textOfBytes(path) }, "the sweep found a change that no event told of");
    }
  }
}
