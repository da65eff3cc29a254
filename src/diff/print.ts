import { ByteWriter } from "./byte-writer.js";
import { FunctionNames } from "./function-name.js";
import type { Hunk } from "./hunks.js";
import { LINE_FEED } from "./scan-lines.js";
import type { Text } from "./text.js";
import type { FunctionPattern } from "./types.js";

const KEPT = 32;
const DELETED = 45;
const ADDED = 43;
const NO_FINAL_LINE_FEED = "\n\\ No newline at end of file\n";
/** More than the header line of a hunk and two notes on missing line feeds have, in bytes. */
const AROUND_HUNK_BYTES = 256;

/** The hunks as text, from the first `@@` to the last line feed. */
export function printHunks(before: Text, after: Text, hunks: readonly Hunk[], pattern?: FunctionPattern): Uint8Array {
  const writer = new ByteWriter(sizeOf(before, after, hunks));
  const names = new FunctionNames(before, pattern);
  for (const hunk of hunks) {
    printHeader(writer, hunk, names.before(hunk.beforeStart));
    let kept = hunk.afterStart;
    for (const { beforeStart, beforeEnd, afterStart, afterEnd } of hunk.changes) {
      printLines(writer, KEPT, after, kept, afterStart);
      printLines(writer, DELETED, before, beforeStart, beforeEnd);
      printLines(writer, ADDED, after, afterStart, afterEnd);
      kept = afterEnd;
    }
    printLines(writer, KEPT, after, kept, hunk.afterEnd);
  }
  return writer.finish();
}

/** At least as many bytes as the hunks will have. */
function sizeOf(before: Text, after: Text, hunks: readonly Hunk[]): number {
  let size = 0;
  for (const hunk of hunks) {
    size += AROUND_HUNK_BYTES;
    size += after.start(hunk.afterEnd) - after.start(hunk.afterStart) + hunk.afterEnd - hunk.afterStart;
    for (const { beforeStart, beforeEnd } of hunk.changes) {
      size += before.start(beforeEnd) - before.start(beforeStart) + beforeEnd - beforeStart;
    }
  }
  return size;
}

function printHeader(writer: ByteWriter, hunk: Hunk, name: Uint8Array): void {
  const before = range(hunk.beforeStart, hunk.beforeEnd);
  const after = range(hunk.afterStart, hunk.afterEnd);
  writer.text(`@@ -${before} +${after} @@`);
  if (name.length > 0) {
    writer.text(" ");
    writer.copy(name, 0, name.length);
  }
  writer.byte(LINE_FEED);
}

/** Line numbers count from 1; an empty range names the line before it; a length of 1 is left out. */
function range(start: number, end: number): string {
  const length = end - start;
  if (length === 1) return `${start + 1}`;
  return length === 0 ? `${start},0` : `${start + 1},${length}`;
}

function printLines(writer: ByteWriter, sign: number, text: Text, from: number, to: number): void {
  const { bytes } = text;
  for (let line = from; line < to; line += 1) {
    const end = text.end(line);
    writer.byte(sign);
    writer.copy(bytes, text.start(line), end);
    if (bytes[end - 1] !== LINE_FEED) writer.text(NO_FINAL_LINE_FEED);
  }
}
