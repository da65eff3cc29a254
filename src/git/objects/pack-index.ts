import { corrupt } from "../io/files.js";
import { type FileReader, type OpenFile, openFile } from "../io/random-access-file.js";
import type { Oid } from "./object-id.js";
import { OidTable } from "./oid-table.js";

const MAGIC = 0xff744f63;
const FANOUT_BYTES = 1024;

/**
 * A pack's `.idx`, versions 1 and 2, searched on disk.
 * Format: <https://git-scm.com/docs/pack-format#_version_2_pack_idx_files_support_packs_larger_than_4_gib_and>.
 */
export class PackIndex {
  readonly #file: FileReader;
  readonly #version: 1 | 2;
  readonly #oids: OidTable;
  readonly #oidBytes: number;

  /**
   * @param path absolute
   * @param oidBytes 20 or 32
   * @throws a system error, or TreewireError `TW_CORRUPT_REPOSITORY` naming the file
   */
  constructor(path: string, oidBytes: number, open: OpenFile = openFile) {
    this.#oidBytes = oidBytes;
    this.#file = open(path);
    try {
      const head = this.#file.read(0, 8);
      if (head.length < 8) throw corrupt(path, "too short");
      this.#version = head.readUInt32BE(0) === MAGIC ? 2 : 1;
      if (this.#version === 2 && head.readUInt32BE(4) !== 2) {
        throw corrupt(path, `unknown version ${head.readUInt32BE(4)}`);
      }
      this.#oids = new OidTable(
        this.#file,
        this.#version === 2
          ? { fanout: 8, oids: 8 + FANOUT_BYTES, stride: oidBytes, oidBytes }
          : { fanout: 0, oids: FANOUT_BYTES + 4, stride: oidBytes + 4, oidBytes },
      );
    } catch (thrown) {
      this.#file.close();
      throw thrown;
    }
  }

  /** How many objects the pack holds. */
  get count(): number {
    return this.#oids.count;
  }

  /** @returns where the object starts in the pack, or `undefined` when the pack lacks it */
  offset(oid: Uint8Array): number | undefined {
    const place = this.#oids.find(oid);
    return place < 0 ? undefined : this.#offsetAt(place);
  }

  /** See {@link OidTable.withPrefix}. */
  withPrefix(prefix: string, limit: number): Oid[] {
    return this.#oids.withPrefix(prefix, limit);
  }

  close(): void {
    this.#file.close();
  }

  #offsetAt(place: number): number {
    if (this.#version === 1) return this.#uint32(FANOUT_BYTES + place * (this.#oidBytes + 4));
    // Behind the ids: a checksum of 4 bytes each, then the offsets, then those that need 8 bytes.
    const offsets = 8 + FANOUT_BYTES + this.count * (this.#oidBytes + 4);
    const offset = this.#uint32(offsets + place * 4);
    if (offset < 0x80000000) return offset;
    const large = offsets + this.count * 4 + (offset - 0x80000000) * 8;
    return this.#uint32(large) * 2 ** 32 + this.#uint32(large + 4);
  }

  #uint32(position: number): number {
    const value = this.#file.uint32(position);
    if (value === undefined) throw corrupt(this.#file.path, "ends early");
    return value;
  }
}
