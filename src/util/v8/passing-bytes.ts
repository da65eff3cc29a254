/**
 * Bytes that are needed for a moment. Those of other buffers stay until V8 collects the buffer, and a program that waits for days
 * may never collect: what its start has read would be held as long as it runs.
 */
export class PassingBytes {
  readonly #buffers: ArrayBuffer[] = [];

  /** @param length in bytes, which are zeros */
  allocate(length: number): Buffer<ArrayBuffer> {
    const buffer = new ArrayBuffer(length, { maxByteLength: length });
    this.#buffers.push(buffer);
    return Buffer.from(buffer, 0, length);
  }

  /** Gives all that was allocated back to the system: the bytes are gone from here on. */
  free(): void {
    for (const buffer of this.#buffers.splice(0)) buffer.resize(0);
  }
}
