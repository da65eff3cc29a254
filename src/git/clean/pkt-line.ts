/** Git's framing of messages: <https://git-scm.com/docs/protocol-common#_pkt_line_format>. */

/** The most that one packet carries, in bytes. */
const PACKET_MAX_BYTES = 65_516;
const FLUSH = Buffer.from("0000");

/** A list of text lines, ended by a flush packet. */
export function packLines(lines: readonly string[]): Buffer {
  return Buffer.concat([...lines.map((line) => packet(Buffer.from(`${line}\n`))), FLUSH]);
}

/** Content of any length, ended by a flush packet. */
export function packContent(content: Buffer): Buffer {
  const packets: Buffer[] = [];
  for (let at = 0; at < content.length; at += PACKET_MAX_BYTES) {
    packets.push(packet(content.subarray(at, at + PACKET_MAX_BYTES)));
  }
  return Buffer.concat([...packets, FLUSH]);
}

/** What a packet that is kept costs besides its bytes. */
export const PACKET_COSTS_BYTES = 128;

/** Cuts a stream of bytes into the lists of packets between flush packets. */
export class PacketReader {
  /** How many packets have come, those between lists among them. */
  packets = 0;
  #rest: Buffer = Buffer.alloc(0);
  #list: Buffer[] = [];

  /** @returns the lists that are complete by now @throws RangeError when a length is none */
  push(piece: Buffer): Buffer[][] {
    this.#rest = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const complete: Buffer[][] = [];
    while (this.#rest.length >= 4) {
      const length = Number.parseInt(this.#rest.toString("latin1", 0, 4), 16);
      if (length === 0) {
        this.packets += 1;
        complete.push(this.#list);
        this.#list = [];
        this.#rest = this.#rest.subarray(4);
        continue;
      }
      if (!(length >= 4)) throw new RangeError("not a packet");
      if (this.#rest.length < length) break;
      this.packets += 1;
      this.#list.push(this.#rest.subarray(4, length));
      this.#rest = this.#rest.subarray(length);
    }
    return complete;
  }
}

function packet(content: Buffer): Buffer {
  return Buffer.concat([Buffer.from((content.length + 4).toString(16).padStart(4, "0")), content]);
}
