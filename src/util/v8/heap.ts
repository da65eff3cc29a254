import { setFlagsFromString } from "node:v8";

/**
 * Has V8 keep less memory in reserve, in all threads that start from here on: an agent runs for days beside its user's
 * programs, and is idle for most of them. Without it, the garbage of the start alone leaves 16 MB of young generation behind.
 */
export function keepHeapSmall(): void {
  setFlagsFromString("--optimize-for-size");
}
