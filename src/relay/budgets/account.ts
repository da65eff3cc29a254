import type { LimitOptions } from "../limit-options.js";
import { BudgetExceededError, type BudgetName } from "./exceeded.js";

/** What one workspace may hold in memory. */
export type WorkspaceLimits = Pick<LimitOptions, "workspaceBytes" | "workspaceTrees" | "workspaceFiles">;

/** What is held, or what changes of that. */
export interface Holding {
  /** By the estimate of cost.ts. */
  bytes?: number;
  trees?: number;
  files?: number;
}

/** What all workspaces of a relay hold together, in bytes by the estimate of cost.ts. */
export class Ledger {
  bytes = 0;
}

/** What one workspace holds in memory, kept up to date with every change, and its limits. */
export class Account {
  readonly #limits: WorkspaceLimits;
  readonly #ledger: Ledger;
  #bytes = 0;
  #trees = 0;
  #files = 0;

  constructor(limits: WorkspaceLimits, ledger = new Ledger()) {
    this.#limits = limits;
    this.#ledger = ledger;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get trees(): number {
    return this.#trees;
  }

  get files(): number {
    return this.#files;
  }

  /** The budget that would be exceeded, if any. What makes a holding smaller never does. */
  excess({ bytes = 0, trees = 0, files = 0 }: Holding): BudgetName | undefined {
    const { workspaceBytes, workspaceTrees, workspaceFiles } = this.#limits;
    if (bytes > 0 && this.#bytes + bytes > workspaceBytes) return "workspace-bytes";
    if (trees > 0 && this.#trees + trees > workspaceTrees) return "workspace-trees";
    if (files > 0 && this.#files + files > workspaceFiles) return "workspace-files";
    return undefined;
  }

  /** @throws BudgetExceededError when there is no room; then nothing has changed */
  add(change: Holding): void {
    const budget = this.excess(change);
    if (budget !== undefined) throw new BudgetExceededError(budget);
    this.adjust(change);
  }

  /** The same for what cannot be refused, or only makes the holding smaller. */
  adjust({ bytes = 0, trees = 0, files = 0 }: Holding): void {
    this.#bytes += bytes;
    this.#trees += trees;
    this.#files += files;
    this.#ledger.bytes += bytes;
  }

  /** How much of each budget is used: 1 is all of it. */
  used(): Record<"workspace-bytes" | "workspace-trees" | "workspace-files", number> {
    const { workspaceBytes, workspaceTrees, workspaceFiles } = this.#limits;
    return {
      "workspace-bytes": this.#bytes / workspaceBytes,
      "workspace-trees": this.#trees / workspaceTrees,
      "workspace-files": this.#files / workspaceFiles,
    };
  }
}
