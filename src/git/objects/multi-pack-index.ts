import { corrupt } from "../io/files.js";
import { type FileReader, type OpenFile, openFile } from "../io/random-access-file.js";
import { chunksOf, type FileChunk } from "./chunks.js";
import type { Oid } from "./object-id.js";
import { OidTable } from "./oid-table.js";

/** Before the table of its parts. */
const HEAD_BYTES = 12;

/**
 * One index over many packs, searched on disk, so that an object is not looked for in each pack in turn.
 * Format: <https://git-scm.com/docs/pack-format#_multi_pack_index_midx_files_have_the_following_format>.
 */
export class MultiPackIndex {
  /** Names of the packs that it covers, without directory, ending in `.pack`. */
  readonly packNames: readonly string[];
  readonly #file: FileReader;
  readonly #oids: OidTable;
  readonly #offsets: FileChunk;
  readonly #largeOffsets: FileChunk | undefined;

  /**
   * @param path absolute
   * @param oidBytes 20 or 32
   * @throws a system error, or TreewireError `TW_CORRUPT_REPOSITORY` naming the file
   */
  constructor(path: string, oidBytes: number, open: OpenFile = openFile) {
    this.#file = open(path);
    try {
      const head = this.#read(0, HEAD_BYTES);
      if (head.toString("latin1", 0, 4) !== "MIDX" || head[4] !== 1) throw corrupt(path, "not a multi-pack-index");
      const [chunkCount = 0, packCount] = [head[6], head.readUInt32BE(8)];
      const chunks = chunksOf(this.#file, HEAD_BYTES, chunkCount);
      this.packNames = this.#readNames(this.#chunk(chunks, "PNAM"), packCount);
      this.#oids = new OidTable(this.#file, {
        fanout: this.#chunk(chunks, "OIDF").start,
        oids: this.#chunk(chunks, "OIDL").start,
        stride: oidBytes,
        oidBytes,
      });
      this.#offsets = this.#chunk(chunks, "OOFF");
      this.#largeOffsets = chunks.get("LOFF");
      if (this.#offsets.length < this.#oids.count * 8) throw corrupt(path, "too short for its objects");
    } catch (thrown) {
      this.#file.close();
      throw thrown;
    }
  }

  /** @returns the pack, as a position in {@link packNames}, and where the object starts in it */
  find(oid: Uint8Array): { pack: number; offset: number } | undefined {
    const place = this.#oids.find(oid);
    if (place < 0) return undefined;
    const bytes = this.#read(this.#offsets.start + place * 8, 8);
    const offset = bytes.readUInt32BE(4);
    return { pack: bytes.readUInt32BE(0), offset: offset < 0x80000000 ? offset : this.#largeOffset(offset) };
  }

  /** See {@link OidTable.withPrefix}. */
  withPrefix(prefix: string, limit: number): Oid[] {
    return this.#oids.withPrefix(prefix, limit);
  }

  close(): void {
    this.#file.close();
  }

  #largeOffset(offset: number): number {
    // Without the table of large offsets this one is simply over 2 GiB.
    if (this.#largeOffsets === undefined) return offset;
    const bytes = this.#read(this.#largeOffsets.start + (offset - 0x80000000) * 8, 8);
    return bytes.readUInt32BE(0) * 2 ** 32 + bytes.readUInt32BE(4);
  }

  #chunk(chunks: ReadonlyMap<string, FileChunk>, name: string): FileChunk {
    const chunk = chunks.get(name);
    if (chunk === undefined) throw corrupt(this.#file.path, `no chunk ${name}`);
    return chunk;
  }

  #readNames({ start, length }: FileChunk, count: number): string[] {
    if (length > MAX_NAMES_BYTES) throw corrupt(this.#file.path, "too many names");
    const names = this.#read(start, length).toString().split("\0").slice(0, count);
    if (names.length < count || names.some((name) => !/^[^/]+\.(idx|pack)$/.test(name))) {
      throw corrupt(this.#file.path, "damaged names of packs");
    }
    return names.map((name) => name.replace(/\.idx$/, ".pack"));
  }

  #read(start: number, length: number): Buffer {
    const bytes = this.#file.read(start, length);
    if (bytes.length < length) throw corrupt(this.#file.path, "ends early");
    return bytes;
  }
}

/** Names take about 55 bytes: room for 300,000 packs. */
const MAX_NAMES_BYTES = 16 * 2 ** 20;
