import type { Keyword } from "./keyword-index.js";
import { ALNUM, characterSet, type Recognizer, runEnd } from "./recognizer.js";

const BASE64URL = characterSet("A-Za-z0-9_-");
/** Shorter parts hold no claims. */
const LEAST_PART_UNITS = 8;

/**
 * A JSON Web Token (RFC 7515, section 3.1): parts of base64url between dots, of which the first decodes to an object. Two
 * parts are enough: the third is missing of what was cut off. `{"` is `eyJ`, and white space behind the brace `eyA` or `ew`.
 */
const recognize: Recognizer = ({ text, start, end, isCut }, at) => {
  if (at > start && ALNUM[text.charCodeAt(at - 1)] === 1 && text[at - 2] !== "\\") return undefined;
  const header = runEnd(text, at, end, BASE64URL);
  if (header - at < LEAST_PART_UNITS) return undefined;
  if (!/^\{\s*"/.test(Buffer.from(text.slice(at, Math.min(header, at + 64)), "base64url").toString("latin1"))) {
    return undefined;
  }
  let last = header;
  let parts = 1;
  while (last < end && text[last] === ".") {
    last = runEnd(text, last + 1, end, BASE64URL);
    parts += 1;
  }
  const first = text[header] === "." ? runEnd(text, header + 1, end, BASE64URL) - header - 1 : 0;
  if (parts < 2 || first < LEAST_PART_UNITS) {
    if (!(isCut && last === end)) return undefined;
  }
  return { start: at, end: last, shown: 3, rule: "jwt" };
};

export const WEB_TOKEN_KEYWORDS: readonly Keyword<Recognizer>[] = ["eyJ", "eyA", "ewo", "ew0", "ewk"].map((text) => ({
  text,
  recognizer: recognize,
}));
