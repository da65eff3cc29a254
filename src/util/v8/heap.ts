import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** By then a program has done what it does at its start, and keeps what it was compiled to (code-cache.ts). Milliseconds. */
const STARTED_AFTER_MS = 6_000;

/** A larger heap was collected while it grew, and to collect it takes longer than others should wait. Bytes. */
const SMALL_HEAP_BYTES = 24 * 1024 * 1024;

/**
 * Has V8 keep less memory in reserve, in all threads that start from here on: an agent runs for days beside its user's
 * programs, and is idle for most of them. Without it, the garbage of the start alone leaves 16 MB of young generation behind.
 */
export function keepHeapSmall(): void {
  setFlagsFromString("--optimize-for-size");
  setFlagsFromString("--expose-gc"); // for collectOnceStarted: contexts that are made from here on have it
}

/**
 * Has V8 collect this thread's garbage once, soon after the start, where {@link keepHeapSmall} was called before. An idle program
 * comes to no full collection by itself, and V8 compacts a heap and gives its pages back (its "memory reducer", some 8 s later)
 * only after one.
 */
export function collectOnceStarted(): void {
  const timer = setTimeout(() => {
    if (getHeapStatistics().used_heap_size > SMALL_HEAP_BYTES) return;
    const collect: unknown = globalThis.gc ?? runInNewContext("globalThis.gc");
    if (typeof collect === "function") collect();
  }, STARTED_AFTER_MS);
  timer.unref();
}

/**
 * Has V8 do without its middle compiler (Maglev, from Node.js 22 on). A process that ends while a thread compiles there may wait for
 * ever: Node.js waits for the thread, and the thread for a garbage collection, which only the main thread could begin.
 * From Node.js 24 on, code that is kept knows this flag: it must be set before the first is loaded (`loadCached`).
 */
export function endSurely(): void {
  setFlagsFromString("--no-maglev");
}
