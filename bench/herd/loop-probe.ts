// Loaded into the relay's process (`--import`): says for how long its event loop stood still.
import { openSync, readSync } from "node:fs";
import type { Stalls } from "./messages.js";

/** A timer that is late is what a loop that stands still shows itself by. Milliseconds. */
const TICK_MS = 2;

/** Of the main thread: nanoseconds on a processor, and nanoseconds of waiting for one (Linux, sched-stats.txt). */
const schedule = openSync("/proc/self/schedstat", "r");
const bytes = Buffer.alloc(128);

let longest: Stalls = { ms: 0, ownMs: 0 };
let last = now();
setInterval(() => {
  const tick = now();
  const ms = tick.ms - last.ms - TICK_MS;
  const ownMs = ms - (tick.waitedMs - last.waitedMs);
  longest = { ms: Math.max(longest.ms, ms), ownMs: Math.max(longest.ownMs, ownMs) };
  last = tick;
}, TICK_MS).unref();

// whoever asks has what was longest since the question before
process.on("message", () => {
  process.send?.(longest);
  longest = { ms: 0, ownMs: 0 };
});
process.channel?.unref();

function now(): { ms: number; waitedMs: number } {
  const length = readSync(schedule, bytes, 0, bytes.length, 0);
  const [, waitedNs = 0] = bytes.toString("latin1", 0, length).split(" ").map(Number);
  return { ms: performance.now(), waitedMs: waitedNs / 1e6 };
}
