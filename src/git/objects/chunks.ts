import { corrupt } from "../io/files.js";
import type { FileReader } from "../io/random-access-file.js";

/** Where a part of a file stands, in bytes. */
export interface FileChunk {
  start: number;
  length: number;
}

/** Its name, of 4 bytes, and where it begins, of 8. */
const ROW_BYTES = 12;

/**
 * The parts of a multi-pack index or commit graph, by their names of four letters.
 * Format: <https://git-scm.com/docs/gitformat-chunk>.
 *
 * @param at where the table stands @param count of the parts; one more row says where the last one ends
 * @throws TreewireError `TW_CORRUPT_REPOSITORY` when one is not in the file
 */
export function chunksOf(file: FileReader, at: number, count: number): Map<string, FileChunk> {
  const table = file.read(at, (count + 1) * ROW_BYTES);
  if (table.length < (count + 1) * ROW_BYTES) throw corrupt(file.path, "ends early");
  const chunks = new Map<string, FileChunk>();
  for (let row = 0; row < count; row += 1) {
    const start = position(table, row);
    const length = position(table, row + 1) - start;
    if (length < 0 || start + length > file.size) throw corrupt(file.path, "chunks out of range");
    chunks.set(table.toString("latin1", row * ROW_BYTES, row * ROW_BYTES + 4), { start, length });
  }
  return chunks;
}

function position(table: Buffer, row: number): number {
  return table.readUInt32BE(row * ROW_BYTES + 4) * 2 ** 32 + table.readUInt32BE(row * ROW_BYTES + 8);
}
