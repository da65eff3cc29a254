import { promisify } from "node:util";
import { deflate, inflateSync } from "node:zlib";
import { z } from "zod";
import { treeFileSchema, treeMetaSchema } from "../../protocol/index.js";
import type { StoredTree } from "./records.js";

const stateSchema = z.object({ meta: treeMetaSchema, files: z.array(treeFileSchema) });

const compress = promisify(deflate);

/** Trees of which nothing was heard for so long are let go of, in milliseconds. */
export const MAX_STATE_AGE_MS = 30 * 24 * 60 * 60 * 1000;

/** Packs a tree's state, on another thread: diffs shrink to a tenth. */
export function packState({ meta, files }: StoredTree): Promise<Buffer> {
  return compress(JSON.stringify({ meta, files }), { level: 1 });
}

/** What {@link packState} packed; `undefined` when it is damaged: its agent sends the tree anew. */
export function unpackState(state: Uint8Array): Pick<StoredTree, "meta" | "files"> | undefined {
  try {
    return stateSchema.safeParse(JSON.parse(inflateSync(state).toString("utf8"))).data;
  } catch {
    return undefined;
  }
}
