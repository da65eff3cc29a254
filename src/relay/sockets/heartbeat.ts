import type { WebSocket } from "ws";

/** How a socket came to its end. */
export type SocketEnd = "closed" | "timeout";

/** How long a peer that is sent a large frame may leave a ping unanswered, in milliseconds. */
const SLOW_PEER_MS = 60_000;

/**
 * Pings now and then, and ends a peer that has not answered the last one. A peer to which a frame is on its way may be slow
 * and not dead (the ping waits behind the frame): it gets {@link SLOW_PEER_MS}.
 */
export class Heartbeat {
  #answered = true;
  #unansweredSince = 0;
  readonly #timer: NodeJS.Timeout;

  /**
   * @param intervalMs between two pings, in milliseconds
   * @param ended called once, with why, when the socket is closed
   */
  constructor(socket: WebSocket, intervalMs: number, ended: (end: SocketEnd) => void) {
    let end: SocketEnd = "closed";
    this.#timer = setInterval(() => {
      if (this.#answered) {
        this.#answered = false;
        this.#unansweredSince = performance.now();
        socket.ping();
      } else if (socket.bufferedAmount === 0 || performance.now() - this.#unansweredSince >= SLOW_PEER_MS) {
        end = "timeout";
        socket.terminate();
      }
    }, intervalMs);
    this.#timer.unref();
    const alive = () => {
      this.#answered = true;
    };
    socket.on("pong", alive);
    socket.on("message", alive);
    socket.once("close", () => {
      clearInterval(this.#timer);
      ended(end);
    });
  }
}
