import { type Clock, systemClock } from "../clock.js";
import { type CountedStream, Liveness } from "./liveness.js";

/**
 * A client's connection on which no byte moves for this long is dead, in milliseconds: both ends ping more often. With the
 * look each second and the longest wait before the next try it leaves a client at most 30 s without a connection that lives.
 */
export const SILENCE_MS = 24_000;
/** How often a client asks for a sign of life, in milliseconds: whatever the relay's own pings are set to. */
export const CLIENT_PING_MS = 10_000;

/** So many looks in a row that find nothing are a silence. */
const QUIET_LOOKS = 24;

export interface SilenceOptions {
  /** How long nothing may move, in milliseconds. Default: {@link SILENCE_MS}. */
  silenceMs?: number;
  /** Called after each look that found that something had moved. */
  onMove?: () => void;
  clock?: Clock;
}

/**
 * Watches the bytes of a connection, and not its messages: a large message takes a slow link longer than silence may last.
 * For both of those who dial, the agent and the clients; the relay, which owes others large frames, has rules of its own.
 *
 * @param silent called once, when nothing has moved for long enough
 * @returns a function that ends the watching
 */
export function watchSilence(
  stream: CountedStream,
  silent: () => void,
  { silenceMs = SILENCE_MS, onMove, clock = systemClock }: SilenceOptions = {},
): () => void {
  const liveness = new Liveness(stream);
  const lookMs = silenceMs / QUIET_LOOKS;
  // looks are counted and not time: a process that was stopped for a minute has not read yet what came meanwhile
  let quietLooks = 0;
  let cancel = clock.after(lookMs, look);
  function look(): void {
    const hasMoved = liveness.moved();
    quietLooks = hasMoved ? 0 : quietLooks + 1;
    if (quietLooks === QUIET_LOOKS) {
      silent();
      return;
    }
    cancel = clock.after(lookMs, look);
    if (hasMoved) onMove?.();
  }
  return () => cancel();
}
