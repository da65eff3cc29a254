import { type PatternSyntax, translatePattern } from "./posix-pattern.js";
import type { FunctionPattern } from "./types.js";

/** Longer lines are never heads: the engine keeps a place to return to for each repetition, and throws in the end. */
const MAX_LINE_BYTES = 1 << 20;
/** In longer lines the first way to match is taken, in shorter ones the longest. */
const MAX_SEARCHED_BYTES = 1000;

/**
 * The function-name pattern that configuration gives a driver: `diff.<name>.xfuncname` ("extended") or `funcname`
 * ("basic"), a pattern on each line; a line behind `!` says what is no head. A line of more than 1 MiB is never a head.
 *
 * @param text the value, one character per byte
 * @throws SyntaxError for a value that git refuses, in a few words
 */
export function configuredPattern(name: string, text: string, syntax: PatternSyntax): FunctionPattern {
  const lines = text.split("\n");
  if (lines.at(-1)?.startsWith("!")) throw new SyntaxError("the last expression must not be negated");
  const expressions = lines.map((line) => new Expression(line, syntax));
  const match = (line: Uint8Array): Uint8Array | undefined => {
    if (line.length > MAX_LINE_BYTES) return undefined;
    const text = Buffer.from(line.buffer, line.byteOffset, line.length).toString("latin1");
    for (const expression of expressions) {
      const found = expression.match(text);
      if (found !== undefined) return expression.isNegated ? undefined : line.subarray(...found);
    }
    return undefined;
  };
  return { name, match };
}

/** One line of a pattern. */
class Expression {
  readonly isNegated: boolean;
  readonly #source: string;
  readonly #first: RegExp;
  /** The same, for matches behind which so many bytes follow. */
  readonly #ending: RegExp[] = [];

  constructor(line: string, syntax: PatternSyntax) {
    this.isNegated = line.startsWith("!");
    this.#source = translatePattern(this.isNegated ? line.slice(1) : line, syntax);
    this.#first = new RegExp(this.#source, "ds");
  }

  /** @returns start and end of the first group, or, when it has no part in the match, of all that matches */
  match(text: string): [start: number, end: number] | undefined {
    const first = this.#first.exec(text);
    if (first === null) return undefined;
    const { indices } = this.isNegated ? first : this.#longest(text, first);
    return indices?.[1] ?? indices?.[0];
  }

  /**
   * POSIX takes the longest of all ways to match at a place, JavaScript the first. Among those of one length the GNU C
   * library takes the first, too.
   */
  #longest(text: string, first: RegExpExecArray): RegExpExecArray {
    if (text.length > MAX_SEARCHED_BYTES) return first;
    const most = text.length - (first.index + first[0].length);
    for (let rest = 0; rest < most; rest += 1) {
      const ending = this.#ending[rest] ?? new RegExp(`(?:${this.#source})(?=.{${rest}}$)`, "dsy");
      this.#ending[rest] = ending;
      ending.lastIndex = first.index;
      const longer = ending.exec(text);
      if (longer !== null) return longer;
    }
    return first;
  }
}
