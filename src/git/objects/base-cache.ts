import type { ObjectType } from "./git-object.js";

/** Contents kept, in bytes; git keeps 96 MiB. */
const RING_BYTES = 8 * 2 ** 20;
/** One larger than this would drive out too many others. */
const MAX_CONTENT_BYTES = RING_BYTES / 8;
/** A power of two; more than the contents that usually fit. */
const SLOTS = 8192;

const TYPES: readonly ObjectType[] = ["commit", "tree", "blob", "tag"];

/**
 * Keeps objects of packs that deltas were applied to, for the next object of the same family. The contents stand in
 * one ring of bytes and the entries in columns, so that keeping and dropping millions of them makes no garbage.
 */
export class BaseCache {
  #ring: Buffer | undefined;
  /** How many bytes were ever written: a content is there until the ring has come round to it. */
  #written = 0;
  readonly #packs = new Float64Array(SLOTS);
  readonly #offsets = new Float64Array(SLOTS);
  /** {@link #written} before the content; -1 when the slot is empty. */
  readonly #starts = new Float64Array(SLOTS).fill(-1);
  readonly #lengths = new Uint32Array(SLOTS);
  readonly #types = new Uint8Array(SLOTS);

  /**
   * @param pack a number of its own for each pack @param offset of the object in it
   * @returns the object; its content is valid until the next {@link set}
   */
  get(pack: number, offset: number): { type: ObjectType; content: Buffer } | undefined {
    const slot = slotOf(pack, offset);
    const start = this.#starts[slot] ?? -1;
    if (start < 0 || this.#offsets[slot] !== offset || this.#packs[slot] !== pack) return undefined;
    if (this.#ring === undefined || this.#written - start > RING_BYTES) return undefined;
    const place = start % RING_BYTES;
    const content = this.#ring.subarray(place, place + (this.#lengths[slot] ?? 0));
    return { type: TYPES[this.#types[slot] ?? 0] ?? "blob", content };
  }

  set(pack: number, offset: number, type: ObjectType, content: Uint8Array): void {
    if (content.length > MAX_CONTENT_BYTES) return;
    this.#ring ??= Buffer.allocUnsafeSlow(RING_BYTES);
    // A content never wraps: what is left at the end of the ring stays unused.
    const left = RING_BYTES - (this.#written % RING_BYTES);
    if (content.length > left) this.#written += left;
    this.#ring.set(content, this.#written % RING_BYTES);
    const slot = slotOf(pack, offset);
    this.#packs[slot] = pack;
    this.#offsets[slot] = offset;
    this.#starts[slot] = this.#written;
    this.#lengths[slot] = content.length;
    this.#types[slot] = TYPES.indexOf(type);
    this.#written += content.length;
  }

  clear(): void {
    this.#starts.fill(-1);
  }
}

function slotOf(pack: number, offset: number): number {
  // The upper bits of a product with a large odd number: neighbours in a pack do not share slots.
  return ((Math.imul(offset % 2 ** 32, 0x9e3779b1) >>> 16) ^ pack) & (SLOTS - 1);
}
