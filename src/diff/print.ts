import type { ByteWriter } from "./byte-writer.js";
import { FunctionNames } from "./function-name.js";
import type { Hunk } from "./hunks.js";
import { LINE_FEED } from "./scan-lines.js";
import type { Text } from "./text.js";
import type { FunctionPattern } from "./types.js";

const KEPT = 32;
const DELETED = 45;
const ADDED = 43;
const NO_FINAL_LINE_FEED = "\n\\ No newline at end of file\n";

/** Appends the hunks, from the first `@@` to the last line feed. */
export function printHunks(
  writer: ByteWriter,
  before: Text,
  after: Text,
  hunks: readonly Hunk[],
  pattern?: FunctionPattern,
): void {
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
}

function printHeader(writer: ByteWriter, hunk: Hunk, name: Uint8Array | undefined): void {
  writer.text("@@ -");
  printRange(writer, hunk.beforeStart, hunk.beforeEnd);
  writer.text(" +");
  printRange(writer, hunk.afterStart, hunk.afterEnd);
  writer.text(" @@");
  if (name !== undefined) {
    writer.text(" ");
    writer.append(name);
  }
  writer.text("\n");
}

/** Line numbers count from 1; an empty range names the line before it; a length of 1 is left out. */
function printRange(writer: ByteWriter, start: number, end: number): void {
  const length = end - start;
  writer.number(length === 0 ? start : start + 1);
  if (length === 1) return;
  writer.text(",");
  writer.number(length);
}

function printLines(writer: ByteWriter, sign: number, { bytes, view, starts }: Text, from: number, to: number): void {
  for (let line = from; line < to; line += 1) {
    const end = starts[line + 1] as number;
    writer.line(sign, bytes, view, starts[line] as number, end);
    if (bytes[end - 1] !== LINE_FEED) writer.text(NO_FINAL_LINE_FEED);
  }
}
