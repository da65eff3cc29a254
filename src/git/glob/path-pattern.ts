import { compileWildmatch } from "./wildmatch.js";

/** One pattern of an ignore or attributes file, compiled. */
export interface PathPattern {
  /** The line began with `!`. */
  negated: boolean;
  /** The line ended with `/`: only directories match. */
  directoryOnly: boolean;
  /** The pattern holds no `/` and is compared with the last component, at any depth. */
  anywhere: boolean;
  /** @param text the last component, or the path relative to the pattern's file, as {@link anywhere} says */
  matches(text: string): boolean;
}

/** What makes a character special in a glob; in front of the first one a pattern is compared as plain text. */
const SPECIAL = /[*?[\\]/;

/**
 * Compiles one line, one character per byte. Rules: <https://git-scm.com/docs/gitignore#_pattern_format>.
 * @param ignoreCase `core.ignoreCase`
 */
export function compilePathPattern(line: string, ignoreCase: boolean): PathPattern {
  let pattern = line;
  const negated = pattern.startsWith("!");
  if (negated) pattern = pattern.slice(1);
  const directoryOnly = pattern.endsWith("/");
  if (directoryOnly) pattern = pattern.slice(0, -1);
  const anywhere = !pattern.includes("/");
  if (!anywhere && pattern.startsWith("/")) pattern = pattern.slice(1);
  return { negated, directoryOnly, anywhere, matches: compile(pattern, !anywhere, ignoreCase) };
}

function compile(pattern: string, pathname: boolean, ignoreCase: boolean): (text: string) => boolean {
  const fold = ignoreCase ? lowerAscii : (text: string) => text;
  const special = pattern.search(SPECIAL);
  if (special < 0) {
    const literal = fold(pattern);
    return (text) => fold(text) === literal;
  }
  if (!pathname) {
    const suffix = fold(pattern.slice(1));
    if (special === 0 && pattern.startsWith("*") && !SPECIAL.test(suffix)) return (text) => fold(text).endsWith(suffix);
    return compileWildmatch(pattern, { pathname: false, ignoreCase });
  }
  // Git compares the plain beginning by itself, and the glob then begins behind it: `a/b**` crosses directories.
  const head = fold(pattern.slice(0, special));
  const rest = compileWildmatch(pattern.slice(special), { pathname: true, ignoreCase });
  return (text) => fold(text.slice(0, special)) === head && rest(text.slice(special));
}

function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
