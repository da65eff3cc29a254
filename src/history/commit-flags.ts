/** A byte of flags for each commit, by its number, for as many as there come to be. */
export class CommitFlags {
  #bytes: Uint8Array;

  /** @param count of the commits that there are now */
  constructor(count: number) {
    this.#bytes = new Uint8Array(Math.max(count, 1024));
  }

  get(commit: number): number {
    return this.#bytes[commit] ?? 0;
  }

  set(commit: number, flags: number): void {
    if (commit >= this.#bytes.length) {
      const larger = new Uint8Array(Math.max(commit + 1, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes[commit] = flags;
  }
}
