import type { SecretsMode } from "../../../protocol/index.js";
import type { StoredTree, TreeHead } from "../records.js";
import type { TreeStates } from "../store.js";
import { StoreUnavailableError } from "../trouble.js";
import type { TreeStateTable } from "./tree-states.js";
import type { StoreWriter } from "./writer.js";

/** {@link TreeStateTable} over a store that may not take writes for a while: a tree that was deleted is gone at once. */
export class RelaxedTreeStates implements TreeStates {
  readonly #states: TreeStateTable;
  readonly #writer: StoreWriter;

  constructor(states: TreeStateTable, writer: StoreWriter) {
    this.#states = states;
    this.#writer = writer;
  }

  /** The database is here, and answers at once. */
  prepare(): undefined {
    return undefined;
  }

  async save(workspace: string, tree: StoredTree, isOutdated: () => boolean): Promise<void> {
    const { kind } = this.#writer.health.state;
    if (kind !== "ok") throw new StoreUnavailableError(kind); // it would be compressed for nothing
    const written = () => this.#writer.forget(keyOf(workspace, tree.root)); // a deletion that waits is of an older one
    try {
      await this.#states.save(workspace, tree, isOutdated, written);
    } catch (thrown) {
      this.#writer.failed(thrown);
      throw thrown;
    }
  }

  load(workspace: string, root: string): StoredTree | undefined {
    return this.#isGone(workspace, root) ? undefined : this.#states.load(workspace, root);
  }

  heads(workspace: string, limit: number): TreeHead[] {
    return this.#states.heads(workspace, limit).filter(({ root }) => !this.#isGone(workspace, root));
  }

  rootsOtherThan(workspace: string, secrets: SecretsMode | undefined): string[] {
    return this.#states.rootsOtherThan(workspace, secrets).filter((root) => !this.#isGone(workspace, root));
  }

  has(workspace: string, root: string): boolean {
    return !this.#isGone(workspace, root) && this.#states.has(workspace, root);
  }

  delete(workspace: string, root: string): void {
    if (!this.#mayHave(workspace, root)) return; // an agent may say of any root that it is gone
    this.#writer.relaxed(keyOf(workspace, root), () => this.#states.delete(workspace, root), { owner: workspace });
  }

  rowCount(workspace: string): number {
    return this.#states.rowCount(workspace);
  }

  sweep(): void {
    this.#writer.relaxed("sweep of trees", () => this.#states.sweep(), { owner: "" });
  }

  #mayHave(workspace: string, root: string): boolean {
    try {
      return this.#states.has(workspace, root);
    } catch (thrown) {
      if (!this.#writer.failed(thrown)) throw thrown;
      return true; // it is not known
    }
  }

  #isGone(workspace: string, root: string): boolean {
    return this.#writer.waits(keyOf(workspace, root));
  }
}

function keyOf(workspace: string, root: string): string {
  return `tree ${workspace} ${root}`;
}
