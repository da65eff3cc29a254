import { setFlagsFromString } from "node:v8";

/**
 * Has V8 keep less memory in reserve, in all threads that start from here on: an agent runs for days beside its user's
 * programs, and is idle for most of them. Without it, the garbage of the start alone leaves 16 MB of young generation behind.
 */
export function keepHeapSmall(): void {
  setFlagsFromString("--optimize-for-size");
}

/**
 * Has V8 do without its middle compiler (Maglev, from Node.js 22 on). A process that ends while a thread compiles there may wait for
 * ever: Node.js waits for the thread, and the thread for a garbage collection, which only the main thread could begin.
 * From Node.js 24 on, code that is kept knows this flag: it must be set before the first is loaded (`loadCached`).
 */
export function endSurely(): void {
  setFlagsFromString("--no-maglev");
}
