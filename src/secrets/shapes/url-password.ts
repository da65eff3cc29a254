import type { Budget } from "./budget.js";
import type { Keyword } from "./keyword-index.js";
import { isPlaceholder } from "./placeholder.js";
import { characterSet, type Line, looksDrawn, type Recognizer, STEP_UNITS } from "./recognizer.js";
import type { Span } from "./span.js";

/** User and password are looked for in so many units behind `://`. */
const MAX_USER_INFO_UNITS = 1024;
const LEAST_PASSWORD_UNITS = 4;
const LEAST_TOKEN_UNITS = 16;
const SCHEME = characterSet("A-Za-z0-9+.-");
const ENDS = characterSet("\\s\"'`<>\\\\\\x00-\\x1f");
const RULE = "url-password";

/**
 * The password before the `@` of a URL, or a user's name that is a token. A password with `/`, `?` or `#` that was not
 * encoded is one, too: programs that take such a URL are found, and people write it.
 */
const recognize: Recognizer = (line, at, budget) => {
  const { text, start, end } = line;
  if (at === start || SCHEME[text.charCodeAt(at - 1)] !== 1) return undefined;
  const from = at + 3;
  const limit = Math.min(end, from + MAX_USER_INFO_UNITS);
  if (!line.isCut && !text.slice(from, limit).includes("@")) return undefined; // most URLs have none
  const parts = userInfo(line, from, limit, budget);
  if (parts === undefined) return undefined;
  const { colon, sign } = parts;
  if (colon < 0) {
    const user = text.slice(from, sign);
    const isToken = user.length >= LEAST_TOKEN_UNITS && /^[\w-]*$/.test(user) && looksDrawn(user);
    return isToken ? { start: from, end: sign, shown: 0, rule: RULE } : undefined;
  }
  const user = text.slice(from, colon);
  const password = text.slice(colon + 1, sign);
  // https://TOKEN:x-oauth-basic@…: the name is what is secret
  if (/^x-oauth-basic$/i.test(password)) return spanOf(from, colon, user);
  if (password.length < LEAST_PASSWORD_UNITS || password === user) return undefined;
  return spanOf(colon + 1, sign, password);
};

function spanOf(start: number, end: number, text: string): Span | undefined {
  return isPlaceholder(text) ? undefined : { start, end, shown: 0, rule: RULE };
}

/** Where the colon is that ends the name, or -1, and where the `@`. */
function userInfo(
  { text, end, isCut }: Line,
  from: number,
  limit: number,
  budget: Budget,
): { colon: number; sign: number } | undefined {
  let colon = -1;
  let sign = -1;
  let slash = -1;
  for (let at = from; at < limit; at += 1) {
    const unit = text.charCodeAt(at);
    if ((at - from) % STEP_UNITS === STEP_UNITS - 1) budget.step();
    if (unit === 64) {
      // the last one of the authority counts; behind a slash, the first
      sign = at;
      if (slash >= 0) break;
    } else if (unit === 58 && colon < 0 && slash < 0 && sign < 0) colon = at;
    else if ((unit === 47 || unit === 63 || unit === 35) && slash < 0) {
      if (sign >= 0) break;
      // a slash before any colon, or behind a port: no name and no password
      if (colon < 0 || /^\d*$/.test(text.slice(colon + 1, at))) return undefined;
      slash = at;
    } else if (ENDS[unit] === 1) break;
    if (at === end - 1 && isCut && sign < 0 && colon >= 0 && !/^\d*$/.test(text.slice(colon + 1, end))) {
      return { colon, sign: end };
    }
  }
  return sign < 0 ? undefined : { colon, sign };
}

export const URL_KEYWORDS: readonly Keyword<Recognizer>[] = [{ text: "://", recognizer: recognize }];
