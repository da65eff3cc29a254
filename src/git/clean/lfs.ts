import { createHash, type Hash } from "node:crypto";

/** A pointer is shorter than this; what is longer is content. */
const POINTER_MAX_BYTES = 1024;

const POINTER =
  /^version (?:https:\/\/git-lfs\.github\.com\/spec\/v1|https:\/\/hawser\.github\.com\/spec\/v1|http:\/\/git-media\.io\/v\/2)\n(?:ext-\d-\S+ sha256:[0-9a-f]{64}\n)*oid sha256:[0-9a-f]{64}\nsize \d+\s*$/;

/**
 * Makes the pointer that Git LFS stores for a file, from the file's bytes in pieces: it needs no program and no memory
 * of the file's size. Format: <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>.
 */
export class LfsPointer {
  readonly #hash: Hash = createHash("sha256");
  readonly #start: Buffer[] = [];
  #size = 0;

  update(piece: Uint8Array): void {
    this.#hash.update(piece);
    if (this.#size < POINTER_MAX_BYTES) this.#start.push(Buffer.from(piece.subarray(0, POINTER_MAX_BYTES)));
    this.#size += piece.length;
  }

  /** The pointer; the bytes themselves when they are empty, or are a pointer already. */
  finish(): Buffer {
    if (this.#size === 0) return Buffer.alloc(0);
    if (this.#size < POINTER_MAX_BYTES) {
      const content = Buffer.concat(this.#start);
      if (POINTER.test(content.toString("latin1"))) return content;
    }
    const oid = this.#hash.digest("hex");
    return Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${this.#size}\n`);
  }
}
