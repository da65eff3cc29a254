import type { WebSocket } from "ws";
import { type CountedStream, Liveness } from "../../util/index.js";

/** How a socket came to its end. */
export type SocketEnd = "closed" | "timeout";

/** How long a peer to which a large frame is on its way may take none of it, in milliseconds. */
const SLOW_PEER_MS = 60_000;

/**
 * Pings now and then, and ends a peer that has not answered the last one, nor sent a single byte since, nor taken any of what
 * waits for it. A peer to which a frame is on its way may be slow and not dead (the ping waits behind the frame): it gets
 * {@link SLOW_PEER_MS}.
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
    this.#timer = setInterval(() => {
      if (liveness.moved() || silentSince === undefined) {
        silentSince = performance.now();
        socket.ping();
      } else if (socket.bufferedAmount === 0 || performance.now() - silentSince >= SLOW_PEER_MS) {
        end = "timeout";
        socket.terminate();
      }
    }, intervalMs);
    this.#timer.unref();
    socket.once("close", () => {
      clearInterval(this.#timer);
      ended(end);
    });
  }
}
