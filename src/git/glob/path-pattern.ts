import { compileWildmatch, type WildmatchOptions } from "./wildmatch.js";

/** How a pattern can be found from a text without trying it: by plain text that it needs. Folded, where case counts not. */
export interface PatternKey {
  /**
   * `literal`: the pattern is this text, and `suffix`: it matches every text that ends so; there is nothing to try.
   * `prefix`: what it matches begins so, and has to be tried.
   */
  readonly kind: "literal" | "suffix" | "prefix";
  readonly text: string;
}

/** A glob, compiled. */
export interface Glob {
  readonly key: PatternKey;
  /** Whether it matches the whole text. */
  matches(text: string): boolean;
}

/** One pattern of an ignore or attributes file, compiled. */
export interface PathPattern extends Glob {
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
  return { negated, directoryOnly, anywhere, ...compileGlob(pattern, { pathname: !anywhere, ignoreCase }) };
}

/** Compiles a glob with the plain text by which it can be found. */
export function compileGlob(pattern: string, { pathname, ignoreCase }: WildmatchOptions): Glob {
  const fold = ignoreCase ? lowerAscii : (text: string) => text;
  const special = pattern.search(SPECIAL);
  if (special < 0) {
    const literal = fold(pattern);
    return { key: { kind: "literal", text: literal }, matches: (text) => fold(text) === literal };
  }
  const head = fold(pattern.slice(0, special));
  const key = { kind: "prefix", text: head } as const;
  if (!pathname) {
    const suffix = fold(pattern.slice(1));
    if (special === 0 && pattern.startsWith("*") && !SPECIAL.test(suffix)) {
      return { key: { kind: "suffix", text: suffix }, matches: (text) => fold(text).endsWith(suffix) };
    }
    return { key, matches: whenAsked(() => compileWildmatch(pattern, { pathname: false, ignoreCase })) };
  }
  // Git compares the plain beginning by itself, and the glob then begins behind it: `a/b**` crosses directories.
  const rest = whenAsked(() => compileWildmatch(pattern.slice(special), { pathname: true, ignoreCase }));
  return { key, matches: (text) => fold(text.slice(0, special)) === head && rest(text.slice(special)) };
}

/** Most patterns of a long file are never tried. */
function whenAsked(compileTest: () => (text: string) => boolean): (text: string) => boolean {
  let test: ((text: string) => boolean) | undefined;
  return (text) => {
    test ??= compileTest();
    return test(text);
  };
}

/** Folds case as git does: ASCII letters alone. */
export function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
