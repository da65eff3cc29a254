import type { Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { createDeflate, inflateSync } from "node:zlib";
import { z } from "zod";
import { type TreeFile, treeFilesSchema, treeMetaSchema } from "../../protocol/index.js";
import { fileBytes } from "../budgets/cost.js";
import type { StoredTree } from "./records.js";

type State = Pick<StoredTree, "meta" | "files">;

const filesSchema = treeFilesSchema(Number.POSITIVE_INFINITY);
const stateSchema = z.object({ meta: treeMetaSchema, files: filesSchema });

/** Trees of which nothing was heard for so long are let go of, in milliseconds. */
export const MAX_STATE_AGE_MS = 30 * 24 * 60 * 60 * 1000;

/** How much of a state becomes JSON in one turn of the event loop, by the estimate of budgets/cost.ts: that takes about 1 ms. */
const LINE_BYTES = 512 * 1024;

/**
 * Packs a tree's state: JSON, compressed on another thread, where diffs shrink to a tenth. A first line has what is known of the
 * tree and its first files, and each further line more files; a large one is made line by line, beside everybody else's messages.
 */
export async function packState(state: State): Promise<Buffer> {
  const deflate = createDeflate({ level: 1 });
  const [packed] = await Promise.all([buffer(deflate), writeLines(deflate, linesOf(state))]);
  return packed;
}

/** What {@link packState} packed; `undefined` when it is damaged: its agent sends the tree anew. */
export function unpackState(packed: Uint8Array): State | undefined {
  try {
    const [first = "", ...rest] = inflateSync(packed).toString("utf8").split("\n");
    const { meta, files } = stateSchema.parse(JSON.parse(first));
    return { meta, files: files.concat(...rest.map((line) => filesSchema.parse(JSON.parse(line)))) };
  } catch {
    return undefined;
  }
}

/** Writes each line when the one before it is compressed: in a turn of its own. */
async function writeLines(to: Writable, lines: Iterable<string>): Promise<void> {
  for (const line of lines) {
    await new Promise<void>((resolve, reject) => {
      to.write(line, (error) => (error ? reject(error) : resolve()));
    });
  }
  to.end();
}

function* linesOf({ meta, files }: State): Generator<string> {
  let start = 0;
  do {
    const end = endOfLine(files, start);
    const some = files.slice(start, end);
    yield start === 0 ? JSON.stringify({ meta, files: some }) : `\n${JSON.stringify(some)}`;
    start = end;
  } while (start < files.length);
}

/** @returns behind the last file of a line that begins with the file at `start` */
function endOfLine(files: readonly TreeFile[], start: number): number {
  let end = start;
  for (let bytes = 0; end < files.length && bytes < LINE_BYTES; end += 1) bytes += fileBytes(files[end] as TreeFile);
  return end;
}
