import type { Keyword } from "./keyword-index.js";
import { isPlaceholder } from "./placeholder.js";
import { characterSet, type Recognizer, runEnd } from "./recognizer.js";

/** Of RFC 7235, `token68`, and what API keys have besides. */
const VALUE = characterSet("A-Za-z0-9._~+/=:-");
const SPACE = characterSet(" \\t\"'`:=\\\\,(\\[{");
/** So much may stand between the name of the header and its value. */
const MAX_GAP_UNITS = 16;
const SCHEME = /^(?:Bearer|Basic|Token|Digest|ApiKey|Api-Key|Bot|GenieKey|SSWS|PRIVATE-TOKEN)[ \t]+/i;
const LEAST_UNITS = 12;
/** Without a scheme, it may be any word of a source. */
const LEAST_BARE_UNITS = 20;

/** The value of a header that proves who somebody is. */
function recognizerOf(name: string): Recognizer {
  return ({ text, end }, at) => {
    const behind = at + name.length;
    const first = runEnd(text, behind, Math.min(end, behind + MAX_GAP_UNITS), SPACE);
    if (!/[:=,]/.test(text.slice(behind, first))) return undefined;
    const scheme = SCHEME.exec(text.slice(first, Math.min(end, first + 32)))?.[0] ?? "";
    const from = first + scheme.length;
    const to = runEnd(text, from, end, VALUE);
    const value = text.slice(from, Math.min(to, from + 256));
    if (value.length < (scheme === "" ? LEAST_BARE_UNITS : LEAST_UNITS)) return undefined;
    if (!/[0-9]/.test(value) || !/[a-z]/i.test(value) || isPlaceholder(value)) return undefined;
    // what is called or read in a source, as in `authorization: config.headers2.authorization`
    if (scheme === "" && /^[a-z_$][\w$]*(?:\.[a-z_$][\w$]*)+$/i.test(value)) return undefined;
    return { start: from, end: to, shown: 0, rule: "authorization" };
  };
}

export const HEADER_KEYWORDS: readonly Keyword<Recognizer>[] = [
  "authorization",
  "x-api-key",
  "x-auth-token",
  "private-token",
].map((text) => ({ text, anyCase: true, recognizer: recognizerOf(text) }));
