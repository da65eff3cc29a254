import type { FileSide } from "./types.js";

/** As many bytes are looked at. */
const LOOKED_AT_BYTES = 8000;

/** Whether git takes content for binary when nothing else decides: there is a NUL in the first 8,000 bytes. */
export function looksBinary(content: Uint8Array): boolean {
  return content.subarray(0, LOOKED_AT_BYTES).includes(0);
}

/** Whether a side is binary: as it says of itself, else as its content looks. */
export function isBinary(side: FileSide, content: Uint8Array): boolean {
  return side.binary ?? looksBinary(content);
}
