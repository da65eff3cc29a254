import { type Clock, systemClock } from "../clock.js";

/**
 * A connection on which no byte arrives for this long is dead, in milliseconds: both ends ping more often. With the look
 * each second and the longest wait before the next try it leaves a client at most 30 s without a connection that lives.
 */
export const SILENCE_MS = 24_000;
/** How often a client asks for a sign of life, in milliseconds: whatever the relay's own pings are set to. */
export const CLIENT_PING_MS = 10_000;

const LOOK_MS = 1_000;

/**
 * Watches the bytes that arrive on a connection, and not its messages: a large message takes a slow link longer than
 * silence may last.
 *
 * @param bytesRead how many have arrived so far
 * @param silent called once, when none have for {@link SILENCE_MS}
 * @returns a function that ends the watching
 */
export function watchSilence(bytesRead: () => number, silent: () => void, clock: Clock = systemClock): () => void {
  let seen = bytesRead();
  // looks are counted and not time: a process that was stopped for a minute has not read yet what came meanwhile
  let quietLooks = 0;
  let cancel = clock.after(LOOK_MS, look);
  function look(): void {
    const bytes = bytesRead();
    quietLooks = bytes === seen ? quietLooks + 1 : 0;
    seen = bytes;
    if (quietLooks * LOOK_MS >= SILENCE_MS) silent();
    else cancel = clock.after(LOOK_MS, look);
  }
  return () => cancel();
}
