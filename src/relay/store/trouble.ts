import { systemCode } from "../../util/index.js";

/**
 * What can be wrong with a store that was right before: the disk is `full`, the file system is `readonly`, another process
 * has the database `locked`, or the disk or the file is `failing`.
 */
export type StoreTrouble = "full" | "readonly" | "locked" | "failing";

/** SQLite's primary result codes that speak of the disk and of other processes, not of a statement. */
const BY_CODE: Record<string, StoreTrouble> = {
  FULL: "full",
  READONLY: "readonly",
  BUSY: "locked",
  LOCKED: "locked",
  IOERR: "failing",
  CORRUPT: "failing",
  NOTADB: "failing",
  CANTOPEN: "failing",
  PROTOCOL: "failing",
  PERM: "failing",
  NOMEM: "failing",
};

/** The store does not answer, did not try a write, or does not know whether it is kept. Callers hear 503, and never that there is nothing. */
export class StoreUnavailableError extends Error {
  readonly trouble: StoreTrouble;

  constructor(trouble: StoreTrouble, options?: ErrorOptions) {
    super(`the store is ${trouble}`, options);
    this.trouble = trouble;
  }
}

/** Which trouble of the store an error tells of; `undefined`: none, it is a mistake of the program. */
export function troubleOf(thrown: unknown): StoreTrouble | undefined {
  if (thrown instanceof StoreUnavailableError) return thrown.trouble;
  const [, code] = /^SQLITE_([A-Z]+)/.exec(systemCode(thrown) ?? "") ?? [];
  return code === undefined ? undefined : BY_CODE[code];
}
