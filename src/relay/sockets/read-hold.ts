import type { WebSocket } from "ws";

/** Whether a socket is read. While it is not, what the peer sends waits in the peer's own buffers, and nothing is lost. */
export class ReadHold {
  readonly #socket: WebSocket;
  readonly #reasons = new Set<string>();

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** Reads no more, for one reason among several. */
  hold(reason: string): void {
    this.#reasons.add(reason);
    this.#socket.pause();
  }

  /** Reads on when no other reason is left. */
  release(reason: string): void {
    if (this.#reasons.size === 0) return; // as behind nearly every frame
    if (this.#reasons.delete(reason) && this.#reasons.size === 0) this.#socket.resume();
  }
}
