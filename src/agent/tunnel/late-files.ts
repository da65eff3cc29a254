import { EmptyFileError, systemCode, TreewireError } from "../../util/index.js";

/**
 * Files of the settings that come after the agent: a secret that is mounted, or a token that another service writes. One that
 * is not there yet, or empty as while it is being written, is waited for; anything else that is wrong with one is an error.
 */
export class LateFiles {
  readonly #read: () => void;
  #isMissing = false;

  /** @param read reads all of them, each by {@link awaited} if it may come late. @throws TreewireError */
  constructor(read: () => void) {
    this.#read = read;
  }

  /** Reads them when the agent starts. @throws TreewireError for what would not come right by waiting */
  start(): void {
    this.#isMissing = !this.#areThere();
  }

  /** Whether what was missed, when it was asked last, has come. */
  haveCome(): boolean {
    const wasMissing = this.#isMissing;
    try {
      this.#isMissing = !this.#areThere();
    } catch {
      this.#isMissing = false; // the next attempt says what is wrong
    }
    return wasMissing && !this.#isMissing;
  }

  #areThere(): boolean {
    try {
      this.#read();
      return true;
    } catch (error) {
      if (error instanceof TreewireError && error.code === "TW_FILE_AWAITED") return false;
      throw error;
    }
  }
}

/** @returns what was read. @throws TreewireError `TW_FILE_AWAITED` for a file that may come; others as they are thrown */
export function awaited<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isLate(error)) throw error;
    const detail = systemCode(error.cause) ?? "it is empty";
    throw new TreewireError("TW_FILE_AWAITED", error.subject, { detail, cause: error.cause });
  }
}

function isLate(error: unknown): error is TreewireError {
  if (!(error instanceof TreewireError)) return false;
  return systemCode(error.cause) === "ENOENT" || error.cause instanceof EmptyFileError;
}
