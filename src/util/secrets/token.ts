import { messageOf, systemCode, TreewireError } from "../errors.js";
import { EmptyFileError, type RegularFile, readRegularFile } from "../regular-file.js";

/** Where the agent's token comes from. */
export interface TokenSource {
  /** Whether another read may give another token. */
  readonly canChange: boolean;
  /** @returns the token of this moment. @throws TreewireError `TW_BAD_TOKEN_FILE` */
  read(): string;
}

/** Tokens are short; anything longer is another file. Bytes. */
const MAX_TOKEN_BYTES = 4096;
/** The permission of everybody on the machine to read a file. */
const READABLE_BY_OTHERS = 0o004;

/**
 * A token in a file, alone, read anew each time: whoever rotates it needs to tell nobody.
 *
 * @param warn told once, in words, when everybody on the machine can read the file. It is taken all the same: mounted
 *   secrets often are so
 */
export function tokenFile(path: string, warn: (message: string) => void): TokenSource {
  const refuse = (detail: string, cause?: unknown) => new TreewireError("TW_BAD_TOKEN_FILE", path, { detail, cause });
  let warned = false;
  return {
    canChange: true,
    read() {
      let file: RegularFile;
      try {
        file = readRegularFile(path, MAX_TOKEN_BYTES);
      } catch (error) {
        throw refuse(systemCode(error) ?? messageOf(error), error);
      }
      const token = file.bytes.toString().trim();
      if (token === "") throw refuse("it is empty", new EmptyFileError());
      // what a header can carry: visible ASCII
      if (!/^[\x21-\x7e]+$/.test(token)) throw refuse("it holds more than one word of visible ASCII");
      if (!warned && (file.mode & READABLE_BY_OTHERS) !== 0) {
        warned = true;
        warn(`${path}: every user of this machine can read the token (mode 0${file.mode.toString(8)})`);
      }
      return token;
    },
  };
}

/** A token that was handed over in the environment. */
export function fixedToken(token: string): TokenSource {
  return { canChange: false, read: () => token };
}
