import { randomBytes } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { LRUCache } from "lru-cache";

/**
 * What crosses the bus is JSON, deflated where that is worth it, in frames that the bus has room for. Each begins with
 *
 * ```
 * byte   0        1        2 … 13               14, 15   16, 17
 *        version  packing  which message it is  part     parts
 * ```
 *
 * A sender's message is its 8 random bytes and a number of 4.
 */
const HEADER_BYTES = 18;
const VERSION = 1;
const PLAIN = 0;
const DEFLATED = 1;
const SENDER_AT = 2;
const NUMBER_AT = 10;
const PART_AT = 14;
const PARTS_AT = 16;

/** Texts that are longer are deflated: shorter ones cost more time than they save. Bytes. */
const DEFLATE_OVER_BYTES = 4 * 1024;
/** A frame has no more, however much the bus takes: others' messages pass between two. Bytes. */
const MAX_FRAME_BYTES = 512 * 1024;
/** The longest message: a diff of the greatest size as JSON, where each byte may be six. */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;
const MAX_PARTS = 0xffff;
/** The most that is kept of messages whose other parts have not come, at one subscription. */
const MAX_UNFINISHED_BYTES = 2 * MAX_MESSAGE_BYTES;

/** Makes frames of messages. */
export class FrameWriter {
  readonly #sender = randomBytes(NUMBER_AT - SENDER_AT);
  #number = 0;

  /** @param maxBytes of one frame @returns none for a message that is longer than any honest one: it counts as lost */
  write(message: unknown, maxBytes: number): Uint8Array[] {
    const text = Buffer.from(JSON.stringify(message));
    if (text.length > MAX_MESSAGE_BYTES) return [];
    const isDeflated = text.length > DEFLATE_OVER_BYTES;
    const body = isDeflated ? deflateRawSync(text, { level: 1 }) : text;
    const size = Math.min(maxBytes, MAX_FRAME_BYTES) - HEADER_BYTES;
    const parts = Math.max(1, Math.ceil(body.length / size));
    if (parts > MAX_PARTS) return [];
    this.#number = (this.#number + 1) >>> 0;
    return Array.from({ length: parts }, (_, part) => {
      const header = Buffer.alloc(HEADER_BYTES);
      header[0] = VERSION;
      header[1] = isDeflated ? DEFLATED : PLAIN;
      this.#sender.copy(header, SENDER_AT);
      header.writeUInt32BE(this.#number, NUMBER_AT);
      header.writeUInt16BE(part, PART_AT);
      header.writeUInt16BE(parts, PARTS_AT);
      return Buffer.concat([header, body.subarray(part * size, (part + 1) * size)]);
    });
  }
}

interface Unfinished {
  number: number;
  parts: Uint8Array[];
  bytes: number;
}

/** Puts messages together again, at one subscription. What is no message, or lacks a part, is dropped: it counts as lost. */
export class FrameReader {
  /** By sender: each sends its messages one after the other. Made when it is needed: nearly all messages are of one frame. */
  #unfinished: LRUCache<string, Unfinished> | undefined;

  /** @param subject at which the frame came: a sender may speak at several @returns what `JSON.parse` makes of a whole message */
  read(subject: string, frame: Uint8Array): unknown {
    const header = Buffer.from(frame.buffer, frame.byteOffset, Math.min(frame.length, HEADER_BYTES));
    if (header.length < HEADER_BYTES || header[0] !== VERSION) return undefined;
    const parts = header.readUInt16BE(PARTS_AT);
    const part = header.readUInt16BE(PART_AT);
    const body = frame.subarray(HEADER_BYTES);
    const isDeflated = header[1] === DEFLATED;
    if (parts === 1) return parse([body], isDeflated);
    const sender = `${header.toString("latin1", SENDER_AT, NUMBER_AT)} ${subject}`;
    const number = header.readUInt32BE(NUMBER_AT);
    this.#unfinished ??= new LRUCache({
      maxSize: MAX_UNFINISHED_BYTES,
      sizeCalculation: ({ bytes }) => bytes + 1,
    });
    const known = this.#unfinished.get(sender);
    const before = part === 0 ? { number, parts: [], bytes: 0 } : known;
    if (before === undefined || before.number !== number || before.parts.length !== part) return undefined;
    // the frame's bytes may be a part of a buffer that is used again
    const whole = { number, parts: [...before.parts, Uint8Array.from(body)], bytes: before.bytes + body.length };
    this.#unfinished.delete(sender);
    if (whole.bytes > MAX_MESSAGE_BYTES) return undefined;
    if (part + 1 === parts) return parse(whole.parts, isDeflated);
    this.#unfinished.set(sender, whole);
    return undefined;
  }
}

function parse(parts: readonly Uint8Array[], isDeflated: boolean): unknown {
  const body = Buffer.concat(parts);
  try {
    const text = isDeflated ? inflateRawSync(body, { maxOutputLength: MAX_MESSAGE_BYTES }) : body;
    return JSON.parse(text.toString("utf8"));
  } catch {
    return undefined; // damaged, longer than it may be, or no JSON
  }
}
