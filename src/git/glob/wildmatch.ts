/**
 * Git's glob patterns over one-character-per-byte strings, compiled once. Semantics: gitignore(5) and the documented
 * tests of git's own matcher; test/git/glob compares with git itself. Matching keeps a table of dead ends, so that a
 * pattern like `a*a*a*a*b` costs pattern length times text length and never more.
 */
export interface WildmatchOptions {
  /** `*`, `?` and classes do not match `/`, and `**` between slashes crosses directories. */
  pathname: boolean;
  /** Upper-case ASCII letters of the text match lower-case ones of the pattern and the other way round. */
  ignoreCase: boolean;
}

const ANY = -1;
const STAR = -2;
/** Crosses slashes. */
const STAR_STAR = -3;
/** Crosses slashes, and may match nothing together with the `/` behind it. */
const STAR_STAR_SLASH = -4;

/** A byte to match, one of the marks above, or a class: the bytes it matches. */
type Token = number | Uint8Array;

const SLASH = 0x2f;

/** The POSIX classes over ASCII bytes, as inclusive ranges. */
const CLASSES: Readonly<Record<string, readonly (readonly [from: number, to: number])[]>> = {
  alnum: ranges("09AZaz"),
  alpha: ranges("AZaz"),
  blank: ranges("  \t\t"),
  cntrl: ranges("\0\x1f\x7f\x7f"),
  digit: ranges("09"),
  graph: ranges("!~"),
  lower: ranges("az"),
  print: ranges(" ~"),
  punct: ranges("!/:@[`{~"),
  space: ranges("  \t\n\r\r"),
  upper: ranges("AZ"),
  xdigit: ranges("09AFaf"),
};

function ranges(pairs: string): [number, number][] {
  const codes = Array.from(pairs, (char) => char.charCodeAt(0));
  return codes.flatMap((from, at) => (at % 2 === 0 ? [[from, codes[at + 1] ?? from]] : []));
}

/** @returns a test for whole strings; a malformed pattern (open bracket, trailing backslash) matches nothing */
export function compileWildmatch(pattern: string, options: WildmatchOptions): (text: string) => boolean {
  const tokens = tokenize(pattern, options);
  if (tokens === undefined) return () => false;
  const stars = tokens.filter((token) => typeof token === "number" && token <= STAR).length;
  return (text) => {
    const deadEnds = stars > 1 ? new Uint8Array(tokens.length * (text.length + 1)) : undefined;
    return match(tokens, 0, text, 0, options, deadEnds);
  };
}

function match(
  tokens: readonly Token[],
  tokenAt: number,
  text: string,
  textAt: number,
  options: WildmatchOptions,
  deadEnds: Uint8Array | undefined,
): boolean {
  let t = tokenAt;
  let at = textAt;
  for (; t < tokens.length; t += 1, at += 1) {
    const token = tokens[t] as Token;
    if (typeof token === "number" && token <= STAR) return matchStar(tokens, t, text, at, options, deadEnds);
    if (at >= text.length) return false;
    const byte = text.charCodeAt(at);
    if (typeof token !== "number") {
      if (token[byte] === 0 || (options.pathname && byte === SLASH)) return false;
    } else if (token === ANY) {
      if (options.pathname && byte === SLASH) return false;
    } else if (token !== (options.ignoreCase ? lower(byte) : byte)) return false;
  }
  return at === text.length;
}

function matchStar(
  tokens: readonly Token[],
  t: number,
  text: string,
  start: number,
  options: WildmatchOptions,
  deadEnds: Uint8Array | undefined,
): boolean {
  const token = tokens[t];
  const crosses = token !== STAR || !options.pathname;
  if (t + 1 === tokens.length) return crosses || text.indexOf("/", start) === -1;
  const width = text.length + 1;
  // The token behind STAR_STAR_SLASH is the slash that "nothing" takes with it.
  if (token === STAR_STAR_SLASH && match(tokens, t + 2, text, start, options, deadEnds)) return true;
  for (let at = start; at <= text.length; at += 1) {
    const mark = t * width + at;
    if (deadEnds?.[mark] === 1) return false;
    if (match(tokens, t + 1, text, at, options, deadEnds)) return true;
    // No match begins with this star here: the next call that arrives here ends at once.
    if (deadEnds !== undefined) deadEnds[mark] = 1;
    if (!crosses && text.charCodeAt(at) === SLASH) return false;
  }
  return false;
}

function tokenize(pattern: string, options: WildmatchOptions): Token[] | undefined {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern.charAt(at);
    if (char === "*") {
      const start = at;
      while (pattern.charAt(at + 1) === "*") at += 1;
      tokens.push(starToken(pattern, start, at + 1, options));
    } else if (char === "?") {
      tokens.push(ANY);
    } else if (char === "[") {
      const bracket = parseBracket(pattern, at, options);
      if (bracket === undefined) return undefined;
      tokens.push(bracket.bytes);
      at = bracket.end;
    } else {
      if (char === "\\") at += 1;
      if (at >= pattern.length) return undefined;
      // Git lowers the text but not an escaped letter: an escaped upper-case letter never matches.
      const byte = pattern.charCodeAt(at);
      tokens.push(options.ignoreCase && char !== "\\" ? lower(byte) : byte);
    }
  }
  return tokens;
}

function starToken(pattern: string, start: number, end: number, options: WildmatchOptions): Token {
  if (end - start < 2) return STAR;
  if (!options.pathname) return STAR_STAR;
  const opens = start === 0 || pattern.charAt(start - 1) === "/";
  const next = pattern.slice(end, end + 2);
  if (!opens) return STAR;
  if (next === "" || next === "\\/") return STAR_STAR;
  return next.startsWith("/") ? STAR_STAR_SLASH : STAR;
}

/** @returns the set of bytes and the position of the closing bracket, or `undefined` when malformed */
function parseBracket(
  pattern: string,
  open: number,
  options: WildmatchOptions,
): { bytes: Uint8Array; end: number } | undefined {
  const bytes = new Uint8Array(256);
  let at = open + 1;
  const negated = pattern.charAt(at) === "!" || pattern.charAt(at) === "^";
  if (negated) at += 1;
  // Git applies a bracket to the lowered text when case does not count, so "[Z]" matches nothing then.
  const add = (test: (byte: number) => boolean): void => {
    for (let byte = 0; byte < 256; byte += 1) {
      const seen = options.ignoreCase ? lower(byte) : byte;
      if (test(seen)) bytes[byte] = 1;
    }
  };
  let previous = -1;
  for (let first = true; first || pattern.charAt(at) !== "]"; first = false, at += 1) {
    if (at >= pattern.length) return undefined;
    let char = pattern.charAt(at);
    const next = pattern.charAt(at + 1);
    if (char === "-" && previous > 0 && next !== "" && next !== "]") {
      at += 1;
      char = pattern.charAt(at);
      if (char === "\\") char = pattern.charAt(++at);
      if (char === "") return undefined;
      const from = previous;
      const to = char.charCodeAt(0);
      add((byte) => inRange(byte, from, to) || (options.ignoreCase && inRange(upper(byte), from, to)));
      previous = -1;
      continue;
    }
    if (char === "[" && next === ":") {
      const close = pattern.indexOf("]", at + 2);
      if (close === -1) return undefined;
      if (pattern.charAt(close - 1) === ":" && close - 1 >= at + 2) {
        const name = pattern.slice(at + 2, close - 1);
        const known = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
        if (known === undefined) return undefined;
        const either = options.ignoreCase && name === "upper";
        add((byte) => known.some(([from, to]) => inRange(either ? upper(byte) : byte, from, to)));
        at = close;
        previous = -1;
        continue;
      }
    } else if (char === "\\") {
      char = pattern.charAt(++at);
      if (char === "") return undefined;
    }
    const literal = char.charCodeAt(0);
    add((byte) => byte === literal);
    previous = literal;
  }
  if (negated) for (let byte = 0; byte < 256; byte += 1) bytes[byte] = bytes[byte] === 1 ? 0 : 1;
  return { bytes, end: at };
}

function inRange(byte: number, from: number, to: number): boolean {
  return byte >= from && byte <= to;
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}

function upper(byte: number): number {
  return byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte;
}
