import { MAX_UNIFIED_DIFF_BYTES, type TreeMessage } from "../../../protocol/index.js";

/**
 * What the parts of one update may add up to, in UTF-16 units (as many bytes at least): a diff of the greatest size,
 * whose paths stand there three times more (in keys, for people, and in removes).
 */
const MAX_UPDATE_UNITS = 4 * MAX_UNIFIED_DIFF_BYTES;

/** What the unfinished updates of all trees of a workspace may add up to: several large trees may be read at once. */
export const MAX_PENDING_UNITS = 8 * MAX_UPDATE_UNITS;

/** An agent breaks a limit of the tunnel: its socket is closed. */
export class TunnelLimitError extends Error {}

/** The parts of a tree message that have come so far. */
export class PendingUpdate {
  readonly #first: TreeMessage;
  readonly #parts: TreeMessage[] = [];
  #units = 0;

  constructor(first: TreeMessage) {
    this.#first = first;
  }

  /** How much has come, in UTF-16 units. */
  get units(): number {
    return this.#units;
  }

  /** Parts of one `(epoch, seq)` follow each other; any other one begins anew. */
  belongsTo(part: TreeMessage): boolean {
    return this.#first.epoch === part.epoch && this.#first.seq === part.seq && this.#first.base === part.base;
  }

  /**
   * @returns the whole update when this was its last part
   * @throws TunnelLimitError when the parts are more than a diff can be
   */
  add(part: TreeMessage): TreeMessage | undefined {
    this.#units += unitsOf(part);
    if (this.#units > MAX_UPDATE_UNITS) throw new TunnelLimitError(`an update of ${part.root} is too large`);
    this.#parts.push(part);
    if (part.more) return undefined;
    return {
      ...part,
      upserts: this.#parts.flatMap(({ upserts }) => upserts),
      removes: this.#parts.flatMap(({ removes }) => removes),
    };
  }
}

function unitsOf({ upserts, removes }: TreeMessage): number {
  let units = 0;
  for (const { key, path, header, hunks } of upserts) units += key.length + path.length + header.length + hunks.length;
  for (const key of removes) units += key.length;
  return units;
}
