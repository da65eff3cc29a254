import { outOfMemory } from "./host";

// One comparison takes memory from the bottom up and never gives any back; the next one begins anew behind its files.

/** Vectors may be read and written so far beyond an end. */
export const SLACK_BYTES: usize = 128;

const PAGE_BYTES_LOG2: usize = 16;
const ALIGNMENT: usize = 16;
/** The whole address space, but for what ends beyond it could be added up to. */
const MOST_BYTES: usize = 0xfff00000;

let top: usize = 0;

/** Takes memory from an address on from now. */
export function allocateFrom(address: usize): void {
  top = (address + (ALIGNMENT - 1)) & ~(ALIGNMENT - 1);
}

/** Memory for so many bytes, not cleared. */
export function allocate(size: usize): usize {
  const address = top;
  reserve(size);
  allocateFrom(address + size + SLACK_BYTES);
  return address;
}

/** Where the next allocation will be, with room for so many bytes. */
export function reserve(size: usize): usize {
  if (top > MOST_BYTES || size > MOST_BYTES - top) outOfMemory();
  const pages = (top + size + 2 * SLACK_BYTES + 0xffff) >>> PAGE_BYTES_LOG2;
  const have = memory.size() as usize;
  // half as much again, so that growing, which costs a system call, is rare
  if (pages > have && memory.grow((max(pages, have + (have >>> 1)) - have) as i32) < 0) {
    if (memory.grow((pages - have) as i32) < 0) outOfMemory();
  }
  return top;
}
