/** So many characters of a secret are enough to tell it by, and no less is looked for. */
const RUN_BYTES = 8;
/** So much is shown of what is before the end of a run, and behind. */
const AROUND_BYTES = 60;
/** Runs are looked up in a table of so many bits first: a snapshot has millions of bytes, and next to none begins one. */
const TABLE_BITS = 24;

const HEXADECIMAL = /^[0-9a-f]+$/;
const DECIMAL = /^[0-9]+$/;

/** A run, and whose it is. */
interface Run {
  readonly name: string;
  /** What stands beside it in its text, there; "" at its ends. */
  readonly before: string;
  readonly behind: string;
}

/** Finds parts of texts in bytes, of whatever they are a part: in one walk, however many the texts are. */
export class Runs {
  /** What two have is neither's secret, as what all JSON Web Tokens begin with: it counts for nobody. */
  readonly #runs = new Map<string, Run | undefined>();
  readonly #table = new Uint8Array(2 ** (TABLE_BITS - 3));

  /** @param texts of ASCII, by name; of one that is shorter than a run nothing is found */
  constructor(texts: ReadonlyMap<string, readonly string[]>) {
    for (const [name, parts] of texts) {
      for (const part of parts) {
        for (let at = 0; at + RUN_BYTES <= part.length; at += 1) {
          const end = at + RUN_BYTES;
          this.#add(part.slice(at, end), { name, before: part.charAt(at - 1), behind: part.charAt(end) });
        }
      }
    }
  }

  /**
   * @returns by the names of the texts of which there is a run, what is around one. Bytes between which others lie count as
   *   well: UTF-16, and what becomes of it in JSON and in V8's snapshots
   */
  in(evidence: Buffer): Map<string, string> {
    const bytes = Buffer.from(evidence.toString("latin1").replace(/\\+u0000/g, "\0"), "latin1");
    const found = new Map<string, string>();
    for (const [from, step] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const) {
      this.#walk(bytes, from, step, found);
    }
    return found;
  }

  #add(run: string, of: Run): void {
    this.#runs.set(run, this.#runs.has(run) && this.#runs.get(run)?.name !== of.name ? undefined : of);
    const bytes = Buffer.from(run, "latin1");
    const bit = bitOf(bytes.readInt32BE(0), bytes.readInt32BE(4));
    this.#table[bit >>> 3] = (this.#table[bit >>> 3] ?? 0) | (1 << (bit & 7));
  }

  #walk(bytes: Buffer, from: number, step: number, found: Map<string, string>): void {
    let high = 0;
    let low = 0;
    for (let at = from; at < bytes.length; at += step) {
      high = (high << 8) | (low >>> 24);
      low = (low << 8) | (bytes[at] ?? 0);
      const bit = bitOf(high, low);
      if (((this.#table[bit >>> 3] ?? 0) & (1 << (bit & 7))) === 0) continue;
      const window = Buffer.alloc(RUN_BYTES);
      window.writeInt32BE(high, 0);
      window.writeInt32BE(low, 4);
      const run = window.toString("latin1");
      const of = this.#runs.get(run);
      if (of === undefined || found.has(of.name)) continue;
      const [left, right] = [bytes[at - RUN_BYTES * step], bytes[at + step]];
      if (HEXADECIMAL.test(run) && isInAnother(of, left, right)) continue;
      if (DECIMAL.test(run) && isListed(left) && isListed(right)) continue;
      const around = bytes.toString("latin1", Math.max(0, at - AROUND_BYTES), at + AROUND_BYTES);
      found.set(of.name, `${run} in ${JSON.stringify(around)}`);
    }
  }
}

/**
 * Eight hexadecimal digits stand by chance in one of thousands of object ids. Then others are beside them: those that a secret
 * has there are the secret's own, and anything but a digit ends what was left of it.
 */
function isInAnother({ before, behind }: Run, ...beside: readonly (number | undefined)[]): boolean {
  const [left, right] = beside.map((byte) => String.fromCharCode(byte ?? 0));
  const isForeign = (found = "", own: string) => HEXADECIMAL.test(found) && found !== own;
  return isForeign(left, before) || isForeign(right, behind);
}

/** A snapshot is millions of numbers between commas, and some have the eight digits of a secret by chance. */
function isListed(beside: number | undefined): boolean {
  return beside === 0x2c || beside === 0x0a;
}

/** Where the table says whether a run is known. @param high its first four bytes @param low its last four */
function bitOf(high: number, low: number): number {
  return (Math.imul(high, 0x9e3779b1) ^ Math.imul(low, 0x85ebca6b)) >>> (32 - TABLE_BITS);
}
