import { constants, inflateSync } from "node:zlib";
import { messageOf } from "../../util/index.js";
import { corrupt } from "../io/files.js";
import { type FileReader, type OpenFile, openFile } from "../io/random-access-file.js";
import type { ObjectType } from "./git-object.js";
import { inflateSmall } from "./inflate-small.js";

/** One entry of a pack before its delta, if it is one, is applied. */
export type PackEntry =
  | { kind: "whole"; type: ObjectType; size: number; dataAt: number }
  | { kind: "delta"; base: number | Buffer; size: number; dataAt: number };

const TYPES: Readonly<Record<number, ObjectType>> = { 1: "commit", 2: "tree", 3: "blob", 4: "tag" };
const OFFSET_DELTA = 6;
const REFERENCE_DELTA = 7;

/** Read at once from an entry's start: its header, and the whole of most entries. */
const FIRST_READ_BYTES = 4096;
/** Read at once of a commit, deflated. */
const COMMIT_READ_BYTES = 1024;
/** In these, two parents, author and committer mostly have room; a message may be long. */
const COMMIT_START_BYTES = 320;
const COMMITTER = Buffer.from("\ncommitter ");
/** For the content of one, which nobody keeps: garbage outside of the heap piles up. */
const SCRATCH = Buffer.allocUnsafeSlow(2048);
const SCRATCH_START = SCRATCH.subarray(0, COMMIT_START_BYTES);
/** Node reads and holds no more at once. */
const MAX_OBJECT_BYTES = 2 ** 31 - 1;
/** The longest header: a size of 10 bytes and an id or an offset. */
const MAX_HEADER_BYTES = 48;

/**
 * A pack, read by position. isomorphic-git reads a pack whole, hashes it and keeps every object; here the memory that
 * a read takes is the object's.
 * Format: <https://git-scm.com/docs/pack-format#_pack_pack_files_have_the_following_format>.
 */
export class PackFile {
  readonly #file: FileReader;
  readonly #oidBytes: number;

  /** @throws a system error, or TreewireError `TW_CORRUPT_REPOSITORY` naming the file */
  constructor(path: string, oidBytes: number, open: OpenFile = openFile) {
    this.#oidBytes = oidBytes;
    this.#file = open(path);
    const head = this.#file.read(0, 12);
    const version = head.length < 12 ? 0 : head.readUInt32BE(4);
    if (head.toString("latin1", 0, 4) !== "PACK" || (version !== 2 && version !== 3)) {
      this.#file.close();
      throw corrupt(path, "not a pack");
    }
  }

  get path(): string {
    return this.#file.path;
  }

  close(): void {
    this.#file.close();
  }

  /** Reads an entry and inflates its data (a delta's instructions when it is one). @throws TreewireError */
  read(offset: number): { entry: PackEntry; data: Buffer } {
    const first = this.#file.read(offset, FIRST_READ_BYTES);
    const entry = this.#parseHeader(first, offset);
    return { entry, data: this.#inflate(entry, first.subarray(entry.dataAt - offset)) };
  }

  /**
   * Reads the parents and the date of a commit that is no delta, as nearly all are.
   * @returns its content as far as the line of the committer at least, until the next call; `undefined` for anything else,
   *   and for what is damaged: {@link read} says so
   */
  readCommitStart(offset: number): Buffer | undefined {
    const first = this.#file.read(offset, COMMIT_READ_BYTES);
    const entry = this.#parseHeader(first, offset);
    if (entry.kind !== "whole" || entry.type !== "commit") return undefined;
    const start = entry.dataAt - offset;
    const { size } = entry;
    if (size > COMMIT_START_BYTES) {
      if (inflateSmall(first, start, SCRATCH_START, "start") && hasCommitter(SCRATCH_START)) return SCRATCH_START;
    }
    const content = SCRATCH.subarray(0, size);
    return size <= SCRATCH.length && inflateSmall(first, start, content, "whole") ? content : undefined;
  }

  /** Reads an entry's header, and of a delta the first bytes of its instructions. @throws TreewireError */
  readHeader(offset: number): { entry: PackEntry; start: Buffer } {
    const first = this.#file.read(offset, FIRST_READ_BYTES);
    const entry = this.#parseHeader(first, offset);
    if (entry.kind === "whole") return { entry, start: Buffer.alloc(0) };
    const input = first.subarray(entry.dataAt - offset);
    try {
      // A prefix inflates to a prefix: at most a thousand times as long.
      return { entry, start: inflateSync(input.subarray(0, HEAD_DATA_BYTES), { finishFlush: constants.Z_SYNC_FLUSH }) };
    } catch (thrown) {
      throw this.#damaged(offset, messageOf(thrown));
    }
  }

  #parseHeader(bytes: Buffer, offset: number): PackEntry {
    let at = 0;
    const next = (): number => {
      const byte = bytes[at];
      if (byte === undefined || at > MAX_HEADER_BYTES) throw this.#damaged(offset, "ends early");
      at += 1;
      return byte;
    };
    let byte = next();
    const code = (byte >> 4) & 7;
    let size = byte & 15;
    for (let factor = 16; byte >= 0x80; factor *= 128) {
      byte = next();
      size += (byte & 0x7f) * factor;
    }
    if (size > Number.MAX_SAFE_INTEGER) throw this.#damaged(offset, "impossible size");
    if (code === OFFSET_DELTA) {
      byte = next();
      let distance = byte & 0x7f;
      while (byte >= 0x80) {
        byte = next();
        distance = (distance + 1) * 128 + (byte & 0x7f);
      }
      if (distance === 0 || distance > offset) throw this.#damaged(offset, "base out of range");
      return { kind: "delta", base: offset - distance, size, dataAt: offset + at };
    }
    if (code === REFERENCE_DELTA) {
      const base = Buffer.from(bytes.subarray(at, at + this.#oidBytes));
      if (base.length < this.#oidBytes) throw this.#damaged(offset, "ends early");
      return { kind: "delta", base, size, dataAt: offset + at + this.#oidBytes };
    }
    const type = TYPES[code];
    if (type === undefined) throw this.#damaged(offset, "unknown type of object");
    return { kind: "whole", type, size, dataAt: offset + at };
  }

  #inflate(entry: PackEntry, first: Buffer): Buffer {
    const { size, dataAt } = entry;
    if (size > MAX_OBJECT_BYTES) throw this.#damaged(dataAt, "too large to be read");
    // zlib's own bound for data that it can't compress; most data needs a fraction of it.
    const bound = size + Math.ceil(size / 1000) + 64;
    const input = bound > first.length ? this.#file.read(dataAt, bound) : first;
    try {
      const data = inflateSync(input, { maxOutputLength: Math.max(size, 1), chunkSize: chunkFor(size) });
      if (data.length === size) return data;
    } catch (thrown) {
      throw this.#damaged(dataAt, messageOf(thrown));
    }
    throw this.#damaged(dataAt, "shorter than it says");
  }

  #damaged(offset: number, detail: string): Error {
    return corrupt(this.path, `object at ${offset}: ${detail}`);
  }
}

/** Whether the line of the committer is there, and ends. Nothing before it can look like it. */
function hasCommitter(content: Buffer): boolean {
  const at = content.indexOf(COMMITTER);
  return at >= 0 && content.indexOf(0x0a, at + 1) >= 0;
}

/** Deflated data that surely hold a delta's two sizes. */
const HEAD_DATA_BYTES = 256;

/** Output is made in pieces of this many bytes: one piece where that is reasonable. */
function chunkFor(size: number): number {
  return Math.min(Math.max(size + 16, 64), 2 ** 20);
}
