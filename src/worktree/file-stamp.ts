/** What of a file's `lstat` shows whether it is still the file that was read. */
export interface Stamp {
  readonly mode: number;
  readonly size: number;
  readonly ino: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  /** Milliseconds since 1970: when the `lstat` was made, before the content was read. */
  readonly takenAt: number;
}

/**
 * A file that was written this shortly before it was looked at may be written again without a new time stamp: Linux
 * stamps files with the time of the last timer tick, up to 10 ms ago. Twice that, for the clock's own rounding.
 */
export const RACY_MS = 20;

/** The stamp of a file. @param takenAt milliseconds since 1970, not after the `lstat` */
export function stampOf(stats: Omit<Stamp, "takenAt">, takenAt: number): Stamp {
  const { mode, size, ino, mtimeMs, ctimeMs } = stats;
  return { mode, size, ino, mtimeMs, ctimeMs, takenAt };
}

/**
 * Whether the stamp proves that the file with these `stats` has not changed since. A file that was written just
 * before its stamp was taken proves nothing and is to be read again.
 */
export function provesSame(stamp: Stamp, stats: Omit<Stamp, "takenAt">): boolean {
  return (
    stamp.ctimeMs === stats.ctimeMs &&
    stamp.mtimeMs === stats.mtimeMs &&
    stamp.size === stats.size &&
    stamp.ino === stats.ino &&
    stamp.mode === stats.mode &&
    Math.max(stamp.mtimeMs, stamp.ctimeMs) + RACY_MS < stamp.takenAt
  );
}
