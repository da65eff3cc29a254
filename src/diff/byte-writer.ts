/** Short runs are copied here: below this many bytes that is cheaper than making a view for `set`. */
const LOOP_COPY_BYTES = 128;

/** As many as the largest safe integer has. */
const MAX_DIGITS = 16;

/** Bytes that grow at their end. */
export class ByteWriter {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get capacity(): number {
    return this.#bytes.length;
  }

  /** Forgets what was written. */
  clear(): void {
    this.#length = 0;
  }

  /** Makes room for so many more bytes. */
  reserve(size: number): void {
    const needed = this.#length + size;
    if (needed <= this.#bytes.length) return;
    const wider = new Uint8Array(Math.max(2 * this.#bytes.length, needed));
    wider.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = wider;
    this.#view = new DataView(wider.buffer);
  }

  /** Appends text whose characters stand for one byte each (latin1). */
  text(text: string): void {
    this.reserve(text.length);
    for (let i = 0; i < text.length; i += 1) this.#bytes[this.#length + i] = text.charCodeAt(i);
    this.#length += text.length;
  }

  /** Appends a whole number, 0 or more, in decimal digits. */
  number(value: number): void {
    this.reserve(MAX_DIGITS);
    let end = this.#length + 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) end += 1;
    this.#length = end;
    for (let rest = value; ; rest = Math.floor(rest / 10)) {
      this.#bytes[--end] = 48 + (rest % 10);
      if (rest < 10) return;
    }
  }

  /** Appends bytes. */
  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Appends one byte, and `source[start, end)` behind it. @param view of the same bytes as `source` */
  line(first: number, source: Uint8Array, view: DataView, start: number, end: number): void {
    const size = end - start;
    this.reserve(size + 1);
    const own = this.#bytes;
    let at = this.#length;
    own[at++] = first;
    this.#length = at + size;
    if (size > LOOP_COPY_BYTES) {
      own.set(source.subarray(start, end), at);
      return;
    }
    const ownView = this.#view;
    let i = start;
    for (; i + 4 <= end; i += 4, at += 4) ownView.setInt32(at, view.getInt32(i));
    for (; i < end; i += 1, at += 1) own[at] = source[i] as number;
  }

  /** A copy of what was written. */
  copy(): Uint8Array {
    const copied = Buffer.allocUnsafe(this.#length);
    copied.set(this.#bytes.subarray(0, this.#length));
    return copied;
  }
}
