/** What the diff of one tree adds up to. */
export interface TreeCount {
  root: string;
  changedFiles: number;
  /** Lines. */
  additions: number;
  deletions: number;
  /** When that was last known to be true, in milliseconds since 1970. */
  scannedAt: number;
}
