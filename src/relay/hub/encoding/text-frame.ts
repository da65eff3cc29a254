/** The first byte of a text message in one frame: FIN and opcode 1 (RFC 6455, section 5.2). */
const FIN_TEXT = 0x81;
/** Payloads up to this many bytes have their length in the header's second byte; those over 65,535 in 8 bytes. */
const MAX_SHORT_BYTES = 125;
const MAX_MEDIUM_BYTES = 0xffff;

/**
 * A text message, built once for every client that is sent it: the payload, and around it the frame that a server sends
 * when no extension was negotiated. Such a frame is the same for each client, so that one write of one buffer sends it.
 */
export class TextFrame {
  /** Header and payload. */
  readonly wire: Buffer;
  /** Shares its memory with {@link wire}. */
  readonly payload: Buffer;

  private constructor(wire: Buffer, payload: Buffer) {
    this.wire = wire;
    this.payload = payload;
  }

  /** @param parts of the payload, in order: text, or UTF-8 */
  static of(...parts: readonly (string | Buffer)[]): TextFrame {
    const sizes = parts.map((part) => Buffer.byteLength(part));
    const size = sizes.reduce((sum, each) => sum + each, 0);
    const headerSize = size <= MAX_SHORT_BYTES ? 2 : size <= MAX_MEDIUM_BYTES ? 4 : 10;
    const wire = Buffer.allocUnsafeSlow(headerSize + size); // of its own: a pooled one would keep its neighbours
    wire[0] = FIN_TEXT;
    if (headerSize === 2) wire[1] = size;
    else if (headerSize === 4) {
      wire[1] = 126;
      wire.writeUInt16BE(size, 2);
    } else {
      wire[1] = 127;
      wire.writeBigUInt64BE(BigInt(size), 2);
    }
    let at = headerSize;
    for (const [position, part] of parts.entries()) {
      if (typeof part === "string") wire.write(part, at);
      else wire.set(part, at);
      at += sizes[position] ?? 0;
    }
    return new TextFrame(wire, wire.subarray(headerSize));
  }
}
