import { fileWithoutHunks, patchText, type TreeFile } from "../../../protocol/index.js";

/** What a file takes in a `changes` message, in bytes of JSON: what is escaped counts as it is sent. */
export interface JsonSize {
  readonly hunks: number;
  /** Of its part of the diff. */
  readonly total: number;
  /** Of the same without its hunks, and of its name among those whose hunks are left out; `total` if that saves nothing. */
  readonly least: number;
}

/** Counted once a file: a state shares its unchanged files with the one before it. */
const sizes = new WeakMap<TreeFile, JsonSize>();

/** How large a file is as it is sent. */
export function jsonSize(file: TreeFile): JsonSize {
  let size = sizes.get(file);
  if (size === undefined) {
    const hunks = jsonTextBytes(file.hunks);
    const total = jsonTextBytes(patchText(file));
    size = { hunks, total, least: hunks === 0 ? total : Math.min(total, leastBytes(file)) };
    sizes.set(file, size);
  }
  return size;
}

function leastBytes(file: TreeFile): number {
  const short = fileWithoutHunks(file);
  const named = JSON.stringify({ path: short.path, bytes: short.omitted_bytes });
  return jsonTextBytes(patchText(short)) + Buffer.byteLength(named) + ",".length;
}

/** Bytes of UTF-8 that a text has within a JSON string: without its quotes. */
export function jsonTextBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
}
