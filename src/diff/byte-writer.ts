/** Short runs are copied byte by byte: below this many bytes that is cheaper than making a view for `set`. */
const LOOP_COPY_BYTES = 48;

/** Bytes that grow at their end. */
export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;

  /** @param capacity how many bytes are expected */
  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** Appends one byte. */
  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
  }

  /** Appends text whose characters stand for one byte each (latin1). */
  text(text: string): void {
    if (this.#length + text.length > this.#bytes.length) this.#grow(text.length);
    for (let i = 0; i < text.length; i += 1) this.#bytes[this.#length + i] = text.charCodeAt(i);
    this.#length += text.length;
  }

  /** Appends `source[start, end)`. */
  copy(source: Uint8Array, start: number, end: number): void {
    const size = end - start;
    if (this.#length + size > this.#bytes.length) this.#grow(size);
    const bytes = this.#bytes;
    let at = this.#length;
    if (size < LOOP_COPY_BYTES) for (let i = start; i < end; i += 1) bytes[at++] = source[i] as number;
    else bytes.set(source.subarray(start, end), at);
    this.#length += size;
  }

  /** What was written, without a copy: the writer is not to be used afterwards. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(needed: number): void {
    const wider = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + needed, 64));
    wider.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = wider;
  }
}
