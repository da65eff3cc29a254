import { provesSame, type Stamp, stampOf } from "../file-stamp.js";

/** Remembers the files of one kind, wherever they are, and whether any of them came, went or changed. */
export class SeenFiles {
  /** One may have come, gone or changed since the caller last cleared this. */
  moved = false;
  readonly #files = new Map<string, Stamp>();

  has(path: string): boolean {
    return this.#files.has(path);
  }

  /** @param stats what is at the path now; `undefined`: nothing. @param takenAt milliseconds since 1970 */
  see(path: string, stats: Omit<Stamp, "takenAt"> | undefined, takenAt: number): void {
    const known = this.#files.get(path);
    if (stats === undefined ? known === undefined : known !== undefined && provesSame(known, stats)) return;
    this.moved = true;
    if (stats === undefined) this.#files.delete(path);
    else this.#files.set(path, stampOf(stats, takenAt));
  }
}
