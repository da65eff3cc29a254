import { closeSync, constants, fstatSync, openSync, readlinkSync, readSync, type Stats } from "node:fs";
import type { AttributeValue } from "./attributes.js";
import { ByteCache } from "./byte-cache.js";
import { fileSystemPath } from "./byte-path.js";
import { type AutoCrlf, convertLineEndings, lineEndings } from "./line-endings.js";
import { hashBlob, type ObjectFormat, startBlobHash } from "./object-id.js";
import { MODE_FILE, MODE_LINK } from "./tree-object.js";
import type { BytePath, CleanFile, Oid } from "./types.js";

/** What the repository knows that decides how a file on disk is compared. */
export interface CleanContext {
  root: string;
  format: ObjectFormat;
  autoCrlf: AutoCrlf;
  bigFileThresholdBytes: number;
  attributes: (path: BytePath) => ReadonlyMap<string, AttributeValue>;
  readBlob: (oid: Oid) => Uint8Array;
}

/** Files above this are hashed piece by piece, and their content is read only when it is asked for. */
const PIECEWISE_FROM_BYTES = 8 * 2 ** 20;
const PIECE_BYTES = 2 ** 20;
/** Converted contents kept between the comparison and the diff that follows it. */
const KEPT_BYTES = 32 * 2 ** 20;

/** Reads files of the working tree as git would add them. Nothing is written, and no more than one file is held. */
export class FileCleaner {
  readonly #context: CleanContext;
  readonly #kept = new ByteCache<{ oid: Oid; content: Buffer }>(KEPT_BYTES);

  constructor(context: CleanContext) {
    this.#context = context;
  }

  /** See {@link Repository.clean}. */
  async clean(path: BytePath, stats: Stats, indexOid: Oid | undefined): Promise<CleanFile> {
    const { format, bigFileThresholdBytes } = this.#context;
    if (stats.isSymbolicLink()) {
      const content = readlinkSync(this.#place(path), { encoding: "buffer" });
      return {
        mode: MODE_LINK,
        oid: hashBlob(content, format),
        content: () => content,
        size: stats.size,
        large: false,
      };
    }
    const mode = MODE_FILE | ((stats.mode & 0o100) === 0 ? 0o644 : 0o755);
    const large = stats.size > bigFileThresholdBytes;
    if (stats.size > PIECEWISE_FROM_BYTES && !this.#converts(path)) {
      const oid = await this.#hashPiecewise(path);
      return { mode, oid, content: () => this.#again(path, indexOid, oid), size: stats.size, large };
    }
    const content = this.#read(path, indexOid);
    const oid = hashBlob(content, format);
    this.#kept.set(path, { oid, content }, content.length);
    return { mode, oid, content: () => this.#again(path, indexOid, oid), size: stats.size, large };
  }

  #place(path: BytePath): string | Buffer {
    return fileSystemPath(this.#context.root, path);
  }

  #converts(path: BytePath): boolean {
    return lineEndings(this.#context.attributes(path), this.#context.autoCrlf) !== "keep";
  }

  #read(path: BytePath, indexOid: Oid | undefined): Buffer {
    const raw = readRegular(this.#place(path));
    const how = lineEndings(this.#context.attributes(path), this.#context.autoCrlf);
    const indexed = (): Uint8Array | undefined =>
      indexOid === undefined ? undefined : this.#context.readBlob(indexOid);
    return convertLineEndings(raw, how, indexed);
  }

  #again(path: BytePath, indexOid: Oid | undefined, oid: Oid): Buffer {
    const kept = this.#kept.get(path);
    if (kept?.oid === oid) return kept.content;
    const content = this.#read(path, indexOid);
    // Its id has been told: other bytes under it would be a wrong answer. The change that is under way comes again.
    if (hashBlob(content, this.#context.format) !== oid) throw new Error(`${path}: changed while it was read`);
    return content;
  }

  async #hashPiecewise(path: BytePath): Promise<Oid> {
    const descriptor = openRegular(this.#place(path));
    try {
      const size = fstatSync(descriptor).size;
      const hash = startBlobHash(size, this.#context.format);
      const piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
      for (let at = 0; at < size; ) {
        const got = readSync(descriptor, piece, 0, Math.min(PIECE_BYTES, size - at), at);
        if (got === 0) throw new Error(`${path}: became shorter while it was read`);
        hash.update(piece.subarray(0, got));
        at += got;
        // Hashing 5 GB takes seconds: others get their turn in between.
        await new Promise(setImmediate);
      }
      return hash.digest("hex");
    } finally {
      closeSync(descriptor);
    }
  }
}

/** Opens a file, and neither a link nor a FIFO that has taken its place. @throws a system error */
function openRegular(place: string | Buffer): number {
  const descriptor = openSync(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if (fstatSync(descriptor).isFile()) return descriptor;
  closeSync(descriptor);
  throw new Error(`${place.toString()}: no longer a regular file`);
}

function readRegular(place: string | Buffer): Buffer {
  const descriptor = openRegular(place);
  try {
    const bytes = Buffer.allocUnsafeSlow(fstatSync(descriptor).size);
    let filled = 0;
    while (filled < bytes.length) {
      const got = readSync(descriptor, bytes, filled, bytes.length - filled, filled);
      if (got === 0) break;
      filled += got;
    }
    return bytes.subarray(0, filled);
  } finally {
    closeSync(descriptor);
  }
}
