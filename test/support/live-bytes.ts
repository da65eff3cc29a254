import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** So many collections in a row that find nothing more: buffers are let go of a while after they were found. */
const IDLE_COLLECTIONS = 5;
/** A collection that frees less has found nothing. Bytes. */
const NOTHING_BYTES = 64 * 1024;

/**
 * What is live in this process: collects until there is nothing left to collect. One collection says less: what a buffer
 * holds outside of the heap, and what a socket that was closed still refers to, goes in a later turn of the event loop.
 *
 * @param idleCollections fewer will do where there are neither sockets nor buffers
 * @returns bytes of the heap and of what it holds outside
 */
export async function liveBytes(idleCollections = IDLE_COLLECTIONS): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let idle = 0; idle < idleCollections; idle += 1) {
    collect();
    await nextTurn();
    const { heapUsed, external } = process.memoryUsage();
    if (heapUsed + external < least - NOTHING_BYTES) idle = -1;
    least = Math.min(least, heapUsed + external);
  }
  return least;
}
