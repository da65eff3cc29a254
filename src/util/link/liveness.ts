import type { Duplex } from "node:stream";

/** What of a TCP or TLS socket, or of anything like it, shows that there is somebody at the other end. */
export type CountedStream = Pick<Duplex, "writableLength"> & {
  readonly bytesRead?: number;
  /** Those that wait for the system to take them are among them, as those of a `net.Socket` are. */
  readonly bytesWritten?: number;
};

/**
 * Whether a peer lives, told by the bytes on its socket and not by whole messages: one that takes a minute to arrive is no
 * silence. Costs nothing until it is asked.
 *
 * Bytes that the peer takes count only when some had to wait for that: the system takes the first ones of its own accord.
 */
export class Liveness {
  readonly #stream: CountedStream;
  #read: number;
  #taken: number;
  #isWaiting: boolean;

  constructor(stream: CountedStream) {
    this.#stream = stream;
    this.#read = stream.bytesRead ?? 0;
    this.#taken = takenOf(stream);
    this.#isWaiting = stream.writableLength > 0;
  }

  /** Whether a byte has come, or one that waited has been taken, since the last call. */
  moved(): boolean {
    const read = this.#stream.bytesRead ?? 0;
    const taken = takenOf(this.#stream);
    const hasMoved = read !== this.#read || (this.#isWaiting && taken !== this.#taken);
    this.#read = read;
    this.#taken = taken;
    this.#isWaiting = this.#stream.writableLength > 0;
    return hasMoved;
  }
}

function takenOf({ bytesWritten = 0, writableLength }: CountedStream): number {
  return bytesWritten - writableLength;
}
