import { MAX_UNIFIED_DIFF_BYTES, type TreeFile, type TreeMessage } from "../../../protocol/index.js";
import { fileBytes, removedKeyBytes } from "../../budgets/cost.js";
import { TunnelLimitError } from "../../budgets/exceeded.js";

/**
 * What the parts of one update may add up to, in UTF-16 units (as many bytes at least): a diff of the greatest size,
 * whose paths stand there three times more (in keys, for people, and in removes).
 */
const MAX_UPDATE_UNITS = 4 * MAX_UNIFIED_DIFF_BYTES;

/** What all parts of an update say alike. */
type Version = Pick<TreeMessage, "epoch" | "seq" | "base">;

/** The parts of a tree message that have come so far: their files and keys, and nothing else of them. */
export class PendingUpdate {
  readonly #version: Version;
  readonly #upserts: TreeFile[] = [];
  readonly #removes: string[] = [];
  #units = 0;
  #bytes = 0;

  constructor({ epoch, seq, base }: Version) {
    this.#version = { epoch, seq, base };
  }

  /** How much has come, in UTF-16 units. */
  get units(): number {
    return this.#units;
  }

  /** What is held of it, in bytes by the estimate of budgets/cost.ts. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What a part adds to {@link bytes}. */
  static bytesOf({ upserts, removes }: TreeMessage): number {
    let bytes = 0;
    for (const file of upserts) bytes += fileBytes(file);
    for (const key of removes) bytes += removedKeyBytes(key);
    return bytes;
  }

  /** Parts of one `(epoch, seq)` follow each other; any other one begins anew. */
  belongsTo(part: Version): boolean {
    const { epoch, seq, base } = this.#version;
    return epoch === part.epoch && seq === part.seq && base === part.base;
  }

  /**
   * @param bytes what it adds to {@link bytes}, when that is known
   * @returns the whole update when this was its last part
   * @throws TunnelLimitError when the parts are more than a diff can be
   */
  add(part: TreeMessage, bytes = PendingUpdate.bytesOf(part)): TreeMessage | undefined {
    this.#units += unitsOf(part);
    if (this.#units > MAX_UPDATE_UNITS) {
      throw new TunnelLimitError(`an update of ${part.root} is too large`, "the update is too large");
    }
    this.#bytes += bytes;
    for (const file of part.upserts) this.#upserts.push(file);
    for (const key of part.removes) this.#removes.push(key);
    return part.more ? undefined : { ...part, upserts: this.#upserts, removes: this.#removes };
  }
}

function unitsOf({ upserts, removes }: TreeMessage): number {
  let units = 0;
  for (const { key, path, header, hunks } of upserts) units += key.length + path.length + header.length + hunks.length;
  for (const key of removes) units += key.length;
  return units;
}
