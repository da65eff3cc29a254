import { LRUCache } from "lru-cache";

/** What all pieces may have that are kept for clients to come, in bytes. They can be made again from the states. */
const MAX_BYTES = 64 * 1024 * 1024;
/** What a piece costs beside its bytes. */
const PIECE_BYTES = 512;

/**
 * JSON that was made for one client and is kept for the next ones. A diff may be six times as long in JSON as it is in its
 * state, so that what is kept has a limit of its own, for all entries of the process: those that are wanted least often go.
 */
export const pieces = new LRUCache<string, Buffer>({
  maxSize: MAX_BYTES,
  sizeCalculation: ({ length }) => length + PIECE_BYTES,
});
