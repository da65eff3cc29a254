/** Two bytes, up to eight of a length, and four of a mask (RFC 6455, 5.2). */
const MAX_HEADER_BYTES = 14;

/** Follows the frames of a WebSocket in the bytes of one direction, without holding any of them. */
export class FrameWalker {
  readonly #header = Buffer.alloc(MAX_HEADER_BYTES);
  /** Bytes of the next frame's header that have come. */
  #headerBytes = 0;
  /** Bytes of the present frame's payload that have not. */
  #payloadLeft = 0;

  /** Whether the last frame has come to its end, so that another one may follow. */
  get isBetweenFrames(): boolean {
    return this.#headerBytes === 0 && this.#payloadLeft === 0;
  }

  /** @param chunk the next bytes @returns how many frames' headers have come to their end in it */
  pass(chunk: Uint8Array): number {
    let frames = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#payloadLeft > 0) {
        const taken = Math.min(this.#payloadLeft, chunk.length - at);
        this.#payloadLeft -= taken;
        at += taken;
        continue;
      }
      this.#header[this.#headerBytes] = chunk[at] ?? 0;
      this.#headerBytes += 1;
      at += 1;
      if (this.#headerBytes < this.#neededBytes()) continue;
      this.#payloadLeft = this.#payloadBytes();
      this.#headerBytes = 0;
      frames += 1;
    }
    return frames;
  }

  #neededBytes(): number {
    if (this.#headerBytes < 2) return 2;
    const second = this.#header.readUInt8(1);
    const length = second & 0x7f;
    return 2 + (length === 127 ? 8 : length === 126 ? 2 : 0) + (second & 0x80 ? 4 : 0);
  }

  #payloadBytes(): number {
    const length = this.#header.readUInt8(1) & 0x7f;
    if (length === 127) return Number(this.#header.readBigUInt64BE(2));
    return length === 126 ? this.#header.readUInt16BE(2) : length;
  }
}
