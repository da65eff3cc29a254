import { plainMask } from "./patch/mask-text.js";
import type { Span } from "./shapes/span.js";

/**
 * Masks for what stands in names of files: one and the same secret is always masked in the same way, and two secrets never
 * are, so that names which differ still do. The second that would look like the first has `~2` behind its mask.
 */
export class NameMasks {
  /** By mask: the secrets that it would stand for, in the order in which they came. */
  readonly #secrets = new Map<string, Map<string, number>>();

  /** As `MaskWith`. */
  readonly mask = (span: Span, secret: string): string => {
    const plain = plainMask(span, secret);
    let secrets = this.#secrets.get(plain);
    if (secrets === undefined) {
      secrets = new Map();
      this.#secrets.set(plain, secrets);
    }
    let number = secrets.get(secret);
    if (number === undefined) {
      number = secrets.size + 1;
      secrets.set(secret, number);
    }
    return number === 1 ? plain : `${plain}~${number}`;
  };
}
