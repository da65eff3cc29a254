import type { FunctionPattern } from "./types.js";

/** What one driver looks for: the first pattern that matches decides. */
interface Rule {
  /** The text is the first group, or, without one, all that matches. */
  readonly pattern: RegExp;
  /** A line that matches is no head. */
  readonly isNone?: true;
}

/** The engine keeps a place to return to for each repetition, and throws when there are too many of them. */
const MAX_LINE_BYTES = 1 << 20;

// Lines are matched as latin1 text, one character per byte, as in the C locale; `.` takes every byte. A pattern must not
// be able to take the same text in many ways: a long line that does not match would then cost the square of its length.
const head = (pattern: RegExp): Rule => ({ pattern: new RegExp(pattern, `${pattern.flags}s`) });
const none = (pattern: RegExp): Rule => ({ pattern: new RegExp(pattern, `${pattern.flags}s`), isNone: true });

/** The built-in drivers that gitattributes(5) lists, as they are in git 2.39. */
const DRIVERS: Readonly<Record<string, readonly Rule[]>> = {
  ada: [
    none(/^(?:.*[ \t])?(?:is[ \t]+new|renames|is[ \t]+separate)(?:[ \t].*)?$/i),
    none(/^[ \t]*with[ \t]/i),
    head(/^[ \t]*((?:procedure|function|package|protected|task)[ \t]+.*)$/i),
  ],
  bash: [
    head(
      /^[ \t]*([a-zA-Z_]\w*[ \t]*\([ \t]*\)|function[ \t]+[a-zA-Z_]\w*(?:[ \t]*\([ \t]*\)[ \t]*|[ \t]+)(?:\{|\(\(?|\[\[))/,
    ),
  ],
  bibtex: [head(/(@[a-zA-Z]+[ \t]*\{?[ \t]*[^ \t"@',\\#}{~%]*)/)],
  cpp: [none(/^[ \t]*[A-Za-z_]\w*:[\t-\r ]*(?:$|\/[/*])/), head(/^(?:::[\t-\r ]*)?[A-Za-z_].*$/)],
  csharp: [
    none(/^[ \t]*(?:do|while|for|if|else|instanceof|new|return|switch|case|throw|catch|using)/),
    head(
      /^[ \t]*((?:(?:static|public|internal|private|protected|new|virtual|sealed|override|unsafe|async)[ \t]+)*[\][<>@.~\w]+[ \t]+[<>@.\w]+[ \t]*\(.*\))[ \t]*$/,
    ),
    head(
      /^[ \t]*((?:(?:static|public|internal|private|protected|new|virtual|sealed|override|unsafe)[ \t]+)*[\][<>@.~\w]+[ \t]+[@.\w]+)[ \t]*$/,
    ),
    head(
      /^[ \t]*((?:(?:static|public|internal|private|protected|new|unsafe|sealed|abstract|partial)[ \t]+)*(?:class|enum|interface|struct|record)[ \t]+.*)$/,
    ),
    head(/^[ \t]*(namespace[ \t]+.*)$/),
  ],
  css: [none(/[:;][\t-\r ]*$/), head(/^[:[@.#]?[_a-z0-9].*$/i)],
  dts: [none(/[;=]/), head(/^[ \t]*((?:\/[ \t]*\{|&?[a-zA-Z_]).*)$/)],
  elixir: [head(/^[ \t]*((?:def(?:macro|module|impl|protocol|p)?|test)[ \t].*)$/)],
  fortran: [
    none(/^(?:[C*]|[ \t]*!)/i),
    none(/^[ \t]*MODULE[ \t]+PROCEDURE[ \t]/i),
    head(
      /^[ \t]*((?:END[ \t]+)?(?:PROGRAM|MODULE|BLOCK[ \t]+DATA|(?:[^!'" \t]+[ \t]+)*(?:SUBROUTINE|FUNCTION))[ \t]+[A-Z].*)$/i,
    ),
  ],
  fountain: [head(/^((?:\.[^.]|(?:int|ext|est|int\.?\/ext|i\/e)[. ]).*)$/i)],
  golang: [head(/^[ \t]*(func.*)$/), head(/^[ \t]*(type[ \t].*(?:struct|interface)[ \t]*(?:\{[ \t]*)?)/)],
  html: [head(/^[ \t]*(<[Hh][1-6](?:[ \t].*)?>.*)$/)],
  java: [
    none(/^[ \t]*(?:catch|do|for|if|instanceof|new|return|switch|throw|while)/),
    head(/^[ \t]*((?:[a-z]+[ \t]+)*(?:class|enum|interface)[ \t]+[A-Za-z][\w$]*[ \t]+.*)$/),
    head(/^[ \t]*((?:[A-Za-z_<>&][\][?&<>.,\w]*[ \t]+)+[A-Za-z_]\w*[ \t]*\([^;]*)$/),
  ],
  kotlin: [head(/^[ \t]*((?:[a-z]+[ \t]+)*(?:fun|class|interface)[ \t]+.*)$/)],
  markdown: [head(/^ {0,3}#{1,6}[ \t].*/)],
  matlab: [head(/^[\t-\r ]*((?:classdef|function)[\t-\r ].*)$|^(?:%%%?|##)[\t-\r ].*$/)],
  objc: [
    none(/^[ \t]*(?:do|for|if|else|return|switch|while)/),
    head(/^[ \t]*([-+][ \t]*\([ \t]*[A-Za-z_][\w* \t]*\)[ \t]*[A-Za-z_].*)$/),
    head(/^[ \t]*((?:[A-Za-z_]\w*[ \t]+)+[A-Za-z_]\w*[ \t]*\([^;]*)$/),
    head(/^(@(?:implementation|interface|protocol)[ \t].*)$/),
  ],
  pascal: [
    head(
      /^((?:(?:class[ \t]+)?(?:procedure|function)|constructor|destructor|interface|implementation|initialization|finalization)[ \t]*.*)$/,
    ),
    head(/^(.*=[ \t]*(?:class|record).*)$/),
  ],
  perl: [
    head(/^package .*/),
    head(/^sub [\w':]+(?![\w':])[ \t]*(\([^)]*\)[ \t]*)?(?::[^;#]*)?(?:\{[ \t]*)?(?:#.*)?$/),
    head(/^sub [\w':][\w']*:[^;#]*(?:#.*)?$/),
    head(/^(BEGIN|END|INIT|CHECK|UNITCHECK|AUTOLOAD|DESTROY)[ \t]*(?:\{[ \t]*)?(?:#.*)?$/),
    head(/^=head[0-9] .*/),
  ],
  php: [
    head(/^[\t ]*((?:(?:public|protected|private|static|abstract|final)[\t ]+)*function.*)$/),
    head(/^[\t ]*((?:(?:(?:final|abstract)[\t ]+)?class|enum|interface|trait).*)$/),
  ],
  python: [head(/^[ \t]*((?:class|(?:async[ \t]+)?def)[ \t].*)$/)],
  ruby: [head(/^[ \t]*((?:class|module|def)[ \t].*)$/)],
  rust: [
    head(
      /^[\t ]*((?:pub(?:\([^\\)]+\))?[\t ]+)?(?:(?:async|const|unsafe|extern[\t ]+"[^"]+")[\t ]+)?(?:struct|enum|union|mod|trait|fn|impl|macro_rules!)[< \t]+[^;]*)$/,
    ),
  ],
  scheme: [
    head(
      /^[\t ]*(\((?:(?:define|def(?:struct|syntax|class|method|rules|record|proto|alias)?)[-*/ \t]|(?:library|module|struct|class)[*+ \t]).*)$/,
    ),
  ],
  tex: [head(/^(\\(?:(?:sub)*section|chapter|part)\*?\{.*)$/)],
};

/** The names that {@link driverPattern} knows. */
export const DRIVER_NAMES: readonly string[] = Object.keys(DRIVERS);

/**
 * The function-name pattern of one of git's built-in diff drivers, for paths with the attribute `diff=<name>`.
 * A line of more than 1 MiB is never a head.
 * @param name one of {@link DRIVER_NAMES}
 * @returns `undefined` when there is no such driver: the default pattern holds
 */
export function driverPattern(name: string): FunctionPattern | undefined {
  const rules = Object.hasOwn(DRIVERS, name) ? DRIVERS[name] : undefined;
  if (rules === undefined) return undefined;
  return { name, match: (line) => matchRules(rules, line) };
}

function matchRules(rules: readonly Rule[], line: Uint8Array): Uint8Array | undefined {
  if (line.length > MAX_LINE_BYTES) return undefined;
  const text = Buffer.from(line.buffer, line.byteOffset, line.length).toString("latin1");
  for (const { pattern, isNone } of rules) {
    const match = pattern.exec(text);
    if (match === null) continue;
    if (isNone) return undefined;
    const start = match[1] === undefined ? match.index : text.indexOf(match[1], match.index);
    return line.subarray(start, start + (match[1] ?? match[0]).length);
  }
  return undefined;
}
