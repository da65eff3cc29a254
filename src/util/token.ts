import { readFileSync } from "node:fs";
import { messageOf, systemCode, TreewireError } from "./errors.js";

/** Where the agent's token comes from. */
export interface TokenSource {
  /** Whether another read may give another token. */
  readonly canChange: boolean;
  /** @returns the token of this moment. @throws TreewireError `TW_BAD_TOKEN_FILE` */
  read(): string;
}

/** Tokens are short; anything longer is another file. Bytes. */
const MAX_TOKEN_BYTES = 4096;

/** A token in a file, alone, read anew each time: whoever rotates it needs to tell nobody. */
export function tokenFile(path: string): TokenSource {
  const refuse = (detail: string, cause?: unknown) => new TreewireError("TW_BAD_TOKEN_FILE", path, { detail, cause });
  return {
    canChange: true,
    read() {
      let text: string;
      try {
        text = readFileSync(path, "utf8");
      } catch (error) {
        throw refuse(systemCode(error) ?? messageOf(error), error);
      }
      const token = text.trim();
      if (token === "") throw refuse("it is empty");
      if (text.length > MAX_TOKEN_BYTES) throw refuse(`it is longer than ${MAX_TOKEN_BYTES} bytes`);
      // what a header can carry: visible ASCII
      if (!/^[\x21-\x7e]+$/.test(token)) throw refuse("it holds more than one word of visible ASCII");
      return token;
    },
  };
}

/** A token that was handed over in the environment. */
export function fixedToken(token: string): TokenSource {
  return { canChange: false, read: () => token };
}
