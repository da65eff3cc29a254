import { LRUCache } from "lru-cache";

/** How many workspaces' counts are remembered; others are counted anew when they are needed. */
const MAX_REMEMBERED = 10_000;

/** What one workspace has in a table. */
export interface Rows {
  rows: number;
  /** Of what the rows hold. */
  bytes: number;
}

/**
 * How much each workspace has in a table, followed in memory: to count it for every row that is written would cost as much
 * as all rows. When a workspace has too much, a tenth of its limit is made free at once, for the same reason.
 */
export class RowCount {
  readonly #limit: Rows;
  readonly #count: (workspace: string) => Rows;
  readonly #known = new LRUCache<string, Rows>({ max: MAX_REMEMBERED });

  /** @param count asks the table */
  constructor(limit: Rows, count: (workspace: string) => Rows) {
    this.#limit = limit;
    this.#count = count;
  }

  of(workspace: string): Readonly<Rows> {
    return this.#rows(workspace);
  }

  /** The table has changed by so much. What is not remembered is counted when it is asked for, with the change. */
  add(workspace: string, { rows, bytes }: Rows): void {
    const known = this.#known.get(workspace);
    if (known === undefined) return;
    known.rows += rows;
    known.bytes += bytes;
  }

  /** The table has changed, and nobody knows by how much. */
  forget(workspace: string): void {
    this.#known.delete(workspace);
  }

  /** The tables of all workspaces may have changed. */
  clear(): void {
    this.#known.clear();
  }

  /** What has to go, at least, to be under the limit again; nothing while it is kept. */
  excess(workspace: string): Rows | undefined {
    const { rows, bytes } = this.#rows(workspace);
    if (rows <= this.#limit.rows && bytes <= this.#limit.bytes) return undefined;
    return { rows: rows - Math.floor(0.9 * this.#limit.rows), bytes: bytes - Math.floor(0.9 * this.#limit.bytes) };
  }

  #rows(workspace: string): Rows {
    let rows = this.#known.get(workspace);
    if (rows === undefined) {
      rows = { ...this.#count(workspace) };
      this.#known.set(workspace, rows);
    }
    return rows;
  }
}
