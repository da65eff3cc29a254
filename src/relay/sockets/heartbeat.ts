import type { WebSocket } from "ws";
import { type CountedStream, Liveness } from "../../util/index.js";

/** How a socket came to its end. */
export type SocketEnd = "closed" | "timeout";

/** How long a peer to which a frame is on its way may take none of it, in milliseconds. */
const SLOW_PEER_MS = 60_000;
/** The slowest link that is waited for, in bytes a millisecond: 64 kbit/s. */
const SLOW_BYTES_PER_MS = 8;
/** Fewer bytes than this are on no link for long. */
const MIN_OWED_BYTES = 64 * 1024;
/** A frame that the system has taken may be on its way for so long, in milliseconds. */
const MAX_ON_ITS_WAY_MS = 600_000;

/**
 * Pings now and then, and ends a peer that has not answered the last one, nor sent a single byte since, nor taken any of what
 * waits for it. A peer to which a frame is on its way may be slow and not dead, since the ping waits behind the frame: it gets
 * {@link SLOW_PEER_MS} while the system takes nothing more for it, and when the system has taken it all, which says nothing of
 * the link behind, the time that a slow link needs.
 */
export class Heartbeat {
  readonly #timer: NodeJS.Timeout;

  /**
   * @param stream what the socket reads from and writes to
   * @param intervalMs between two pings, in milliseconds
   * @param ended called once, with why, when the socket is closed
   */
  constructor(socket: WebSocket, stream: CountedStream, intervalMs: number, ended: (end: SocketEnd) => void) {
    const liveness = new Liveness(stream);
    let end: SocketEnd = "closed";
    let silentSince: number | undefined;
    let looked = stream.bytesWritten ?? 0;
    let writtenBefore = looked;
    this.#timer = setInterval(() => {
      if (liveness.moved() || silentSince === undefined) {
        silentSince = performance.now();
        writtenBefore = looked; // what was written between the last two looks may be on its way as well
        looked = stream.bytesWritten ?? 0;
        socket.ping();
        return;
      }
      const owed = (stream.bytesWritten ?? 0) - writtenBefore;
      const patienceMs = socket.bufferedAmount > 0 ? SLOW_PEER_MS : onItsWayMs(owed);
      if (performance.now() - silentSince < patienceMs) return;
      end = "timeout";
      socket.terminate();
    }, intervalMs);
    this.#timer.unref();
    socket.once("close", () => {
      clearInterval(this.#timer);
      ended(end);
    });
  }
}

/** How long so many bytes may be on their way over a slow link. */
function onItsWayMs(bytes: number): number {
  return bytes < MIN_OWED_BYTES ? 0 : Math.min(MAX_ON_ITS_WAY_MS, bytes / SLOW_BYTES_PER_MS);
}
