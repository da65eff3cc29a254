import { WebSocket } from "ws";

/** What a socket reads from. */
export interface Resumable {
  resume(): unknown;
}

/** Whether a socket is read. While it is not, what the peer sends waits in the peer's own buffers, and nothing is lost. */
export class ReadHold {
  readonly #socket: WebSocket;
  readonly #stream: Resumable;
  readonly #reasons = new Set<string>();

  /** @param stream what the socket reads from */
  constructor(socket: WebSocket, stream: Resumable) {
    this.#socket = socket;
    this.#stream = stream;
  }

  /** Reads no more, for one reason among several. */
  hold(reason: string): void {
    this.#reasons.add(reason);
    this.#socket.pause();
  }

  /** Reads on when no other reason is left. */
  release(reason: string): void {
    if (this.#reasons.size === 0) return; // as behind nearly every frame
    if (!this.#reasons.delete(reason) || this.#reasons.size > 0) return;
    this.#socket.resume();
    // `ws` throws away what comes before the end, but reads nothing more when it was about to unpack a message
    if (this.#socket.readyState === WebSocket.CLOSING) this.#stream.resume();
  }
}
