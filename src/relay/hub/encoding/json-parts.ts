/** Parts of a JSON text, few of them: what follows each other, as strings or in one buffer, is one part. */
export class JsonParts {
  readonly #parts: (string | Buffer)[] = [];
  /** What has not become a part yet: strings, or a stretch of a buffer. */
  #text: string;
  #stretch: { buffer: Buffer; start: number; end: number } | undefined;
  #bytes: number;

  /** @param start what they begin with */
  constructor(start: string) {
    this.#text = start;
    this.#bytes = Buffer.byteLength(start);
  }

  /** How many bytes of UTF-8 have been added. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @param json text, or UTF-8 */
  add(json: string | Buffer): void {
    if (typeof json !== "string") {
      this.addPart(json, 0, json.length);
      return;
    }
    this.#endStretch();
    this.#text += json;
    this.#bytes += Buffer.byteLength(json);
  }

  /** Adds a part of a buffer, in bytes. */
  addPart(buffer: Buffer, start: number, end: number): void {
    this.#bytes += end - start;
    if (this.#stretch?.buffer === buffer && this.#stretch.end === start) {
      this.#stretch.end = end;
      return;
    }
    this.#endStretch();
    this.#endText();
    this.#stretch = { buffer, start, end };
  }

  /** @param end what they end with @returns all of it, in order */
  closed(end: string): (string | Buffer)[] {
    this.add(end);
    this.#endText();
    return this.#parts;
  }

  #endText(): void {
    if (this.#text !== "") this.#parts.push(this.#text);
    this.#text = "";
  }

  #endStretch(): void {
    if (this.#stretch === undefined) return;
    const { buffer, start, end } = this.#stretch;
    this.#parts.push(buffer.subarray(start, end));
    this.#stretch = undefined;
  }
}
