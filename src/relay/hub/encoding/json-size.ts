import { fileWithoutHunks, patchText, type TreeFile } from "../../../protocol/index.js";
import { isAsItCame } from "./repository-entry.js";

/** What a file takes in a `changes` message, in bytes of JSON: what is escaped counts as it is sent. */
export interface JsonSize {
  readonly hunks: number;
  /** Of its part of the diff. */
  readonly total: number;
  /** Of the same without its hunks, and of its name among those whose hunks are left out; `total` if that saves nothing. */
  readonly least: number;
}

/** What is known of a file; `least` when somebody has wanted it, which is seldom. */
interface Measured {
  readonly hunks: number;
  readonly total: number;
  least: number | undefined;
}

/** Counted once a file: a state shares its unchanged files with the one before it. */
const sizes = new WeakMap<TreeFile, Measured>();

/** How large a file is as it is sent. */
export function jsonSize(file: TreeFile): JsonSize {
  const { hunks, total } = measured(file);
  return { hunks, total, least: leastSize(file) };
}

/** {@link JsonSize.total}: the others take longer. */
export function totalSize(file: TreeFile): number {
  return measured(file).total;
}

function leastSize(file: TreeFile): number {
  const size = measured(file);
  size.least ??= size.hunks === 0 ? size.total : Math.min(size.total, leastBytes(file));
  return size.least;
}

function measured(file: TreeFile): Measured {
  let size = sizes.get(file);
  if (size === undefined) {
    const hunks = jsonTextBytes(file.hunks);
    const total = isSumOfParts(file) ? jsonTextBytes(file.header) + hunks : jsonTextBytes(patchText(file));
    size = { hunks, total, least: undefined };
    sizes.set(file, size);
  }
  return size;
}

/** Whether its patch is its header and its hunks, and no surrogate pair is in both. */
function isSumOfParts(file: TreeFile): boolean {
  const last = file.header.charCodeAt(file.header.length - 1); // NaN where there is none
  return isAsItCame(file) && !(last >= 0xd800 && last <= 0xdbff);
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
