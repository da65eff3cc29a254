import { type ByteSet, bytesIn, bytesNotIn, type Pattern, type Place } from "./pattern-tree.js";

/** How a pattern of the configuration is written: `xfuncname` is "extended", `funcname` is "basic". */
export type PatternSyntax = "basic" | "extended";

/** A repetition counts no further than this, as in the GNU C library. */
const MAX_REPEATS = 32_767;
/** Groups nest no deeper than this here; no pattern that people write comes near. */
const MAX_DEPTH = 200;

/** POSIX classes in the C locale, as ranges. */
const CLASSES: Readonly<Record<string, string>> = {
  alnum: "09AZaz",
  alpha: "AZaz",
  blank: "  \t\t",
  cntrl: "\0\x1f\x7f\x7f",
  digit: "09",
  graph: "!~",
  lower: "az",
  print: " ~",
  punct: "!/:@[`{~",
  space: "\t\r  ",
  upper: "AZ",
  xdigit: "09AFaf",
};
const WORD = bytesIn("09AZ__az");
const SPACE = bytesIn("\t\r  ");
/** What a backslash makes of a letter, beyond POSIX. */
const ESCAPES: Readonly<Record<string, ByteSet>> = { w: WORD, W: bytesNotIn(WORD), s: SPACE, S: bytesNotIn(SPACE) };
/** And where it makes a place of it, which can't be repeated. */
const PLACES: Readonly<Record<string, Place>> = {
  b: "wordBoundary",
  B: "noWordBoundary",
  "<": "wordStart",
  ">": "wordEnd",
  "`": "start",
  "'": "end",
};
/** What `.` stands for. */
const ANY = bytesNotIn(bytesIn("\0\0"));

/**
 * Reads a POSIX regular expression, with the GNU C library's additions, in the C locale.
 * Rules: <https://pubs.opengroup.org/onlinepubs/9699919799/basedefs/V1_chap09.html>.
 *
 * @param text one character per byte
 * @throws SyntaxError for an expression that is invalid, in a few words
 */
export function parsePattern(text: string, syntax: PatternSyntax): Pattern {
  return new Parser(text, syntax === "extended").parse();
}

class Parser {
  readonly #text: string;
  readonly #extended: boolean;
  #at = 0;
  #groups = 0;
  readonly #closed = new Set<number>();

  constructor(text: string, extended: boolean) {
    this.#text = text;
    this.#extended = extended;
  }

  parse(): Pattern {
    const pattern = this.#alternatives(0);
    if (this.#at < this.#text.length) throw new SyntaxError("unmatched \\)");
    return pattern;
  }

  #alternatives(depth: number): Pattern {
    if (depth > MAX_DEPTH) throw new SyntaxError("groups nest too deep");
    const ways = [this.#sequence(depth)];
    while (this.#take(this.#extended ? "|" : "\\|")) ways.push(this.#sequence(depth));
    return { type: "alternatives", ways };
  }

  #sequence(depth: number): Pattern {
    const start = this.#at;
    const parts: Pattern[] = [];
    // A sign of repetition has nothing before it at the start, and behind an anchor.
    let repeats = false;
    while (this.#at < this.#text.length && !this.#isEnd(depth)) {
      const place = this.#anchor(start);
      parts.push(place === undefined ? this.#repeated(this.#atom(depth, repeats)) : { type: "place", place });
      repeats = place === undefined;
    }
    return { type: "sequence", parts };
  }

  /** Whether an alternative ends here. In an extended expression, a `)` without its `(` is itself. */
  #isEnd(depth: number): boolean {
    if (this.#extended) return this.#sees("|") || (depth > 0 && this.#sees(")"));
    return this.#sees("\\|") || this.#sees("\\)");
  }

  /** Takes an anchor: in a basic expression `^` and `$` are some only where an alternative starts and ends. */
  #anchor(start: number): Place | undefined {
    const sign = this.#text[this.#at] ?? "";
    const place = sign === "\\" ? PLACES[this.#text[this.#at + 1] ?? ""] : undefined;
    if (place !== undefined) {
      this.#at += 2;
      return place;
    }
    if (sign !== "^" && sign !== "$") return undefined;
    const behind = this.#text.slice(this.#at + 1, this.#at + 3);
    const atEnd = behind === "" || behind === "\\)" || behind === "\\|";
    if (!this.#extended && (sign === "^" ? this.#at !== start : !atEnd)) return undefined;
    this.#at += 1;
    return sign === "^" ? "start" : "end";
  }

  #atom(depth: number, repeats: boolean): Pattern {
    const sign = this.#text[this.#at] ?? "";
    if (sign === "[") return this.#brackets();
    if (sign === ".") {
      this.#at += 1;
      return { type: "set", set: ANY };
    }
    if (this.#take(this.#extended ? "(" : "\\(")) return this.#group(depth);
    if (!repeats) {
      if (this.#extended && /[*+?{]/.test(sign)) throw new SyntaxError(`nothing to repeat before ${sign}`);
      if (!this.#extended && this.#sees("\\{")) throw new SyntaxError("nothing to repeat before \\{");
    }
    if (sign === "\\") return this.#escape();
    this.#at += 1;
    return one(sign);
  }

  #group(depth: number): Pattern {
    this.#groups += 1;
    const group = this.#groups;
    const inner = this.#alternatives(depth + 1);
    if (!this.#take(this.#extended ? ")" : "\\)")) throw new SyntaxError("unmatched (");
    this.#closed.add(group);
    return { type: "group", group, inner };
  }

  #escape(): Pattern {
    const letter = this.#text[this.#at + 1];
    if (letter === undefined) throw new SyntaxError("a backslash at the end");
    this.#at += 2;
    const special = ESCAPES[letter];
    if (special !== undefined) return { type: "set", set: special };
    if (/[1-9]/.test(letter)) {
      if (!this.#closed.has(Number(letter))) throw new SyntaxError(`no group \\${letter}`);
      return { type: "reference", group: Number(letter) };
    }
    return one(letter);
  }

  /** There may be several signs of repetition behind a piece. */
  #repeated(piece: Pattern): Pattern {
    let pattern = piece;
    for (let times = this.#repetition(); times !== undefined; times = this.#repetition()) {
      pattern = { type: "repeat", inner: pattern, least: times[0], most: times[1] };
      const isRefused = !this.#extended && (this.#sees("*") || this.#sees("\\{"));
      if (isRefused) throw new SyntaxError("one repetition behind another");
    }
    return pattern;
  }

  #repetition(): [least: number, most: number | undefined] | undefined {
    if (this.#take("*")) return [0, undefined];
    if (this.#take(this.#extended ? "+" : "\\+")) return [1, undefined];
    if (this.#take(this.#extended ? "?" : "\\?")) return [0, 1];
    if (!this.#take(this.#extended ? "{" : "\\{")) return undefined;
    const interval = /^(\d*)(,?)(\d*)(\\?)\}/.exec(this.#text.slice(this.#at));
    const [all = "", from = "", comma = "", to = "", backslash = ""] = interval ?? [];
    if (interval === null || (backslash === "") !== this.#extended || (from === "" && comma === "")) {
      throw new SyntaxError("invalid content of {}");
    }
    const least = Number(from);
    const most = comma === "" ? least : to === "" ? undefined : Number(to);
    if (least > MAX_REPEATS || (most ?? 0) > MAX_REPEATS) throw new SyntaxError("too many repetitions in {}");
    if (most !== undefined && most < least) throw new SyntaxError("invalid content of {}");
    this.#at += all.length;
    return [least, most];
  }

  /** A bracket expression; a backslash in it is itself. */
  #brackets(): Pattern {
    const text = this.#text;
    this.#at += 1;
    const negated = this.#take("^");
    let ranges = "";
    for (let first = true; ; first = false) {
      if (this.#at >= text.length) throw new SyntaxError("unmatched [");
      if (!first && this.#take("]")) break;
      const named = /^\[:([a-z]*):\]/.exec(text.slice(this.#at, this.#at + 12));
      if (named !== null) {
        const inClass = CLASSES[named[1] ?? ""];
        if (inClass === undefined) throw new SyntaxError(`no class ${named[0]}`);
        ranges += inClass;
        this.#at += named[0].length;
        continue;
      }
      const same = /^\[=(.)=\]/s.exec(text.slice(this.#at, this.#at + 5))?.[1];
      if (same !== undefined) this.#at += 5;
      const low = same ?? this.#member();
      if (!this.#sees("-") || text[this.#at + 1] === "]" || this.#at + 1 >= text.length) {
        ranges += low + low;
        continue;
      }
      if (same !== undefined) throw new SyntaxError(`invalid range from [=${same}=]`);
      this.#at += 1;
      const high = this.#member();
      if (high < low) throw new SyntaxError(`invalid range ${low}-${high}`);
      ranges += low + high;
    }
    const set = bytesIn(ranges);
    return { type: "set", set: negated ? bytesNotIn(set) : set };
  }

  /** One character of a bracket expression, perhaps written `[.x.]`. */
  #member(): string {
    const rest = this.#text.slice(this.#at, this.#at + 5);
    const collating = /^\[\.(.)\.\]/s.exec(rest)?.[1];
    if (collating === undefined && /^\[[.=:]/.test(rest))
      throw new SyntaxError(`unknown name after ${rest.slice(0, 2)}`);
    this.#at += collating === undefined ? 1 : 5;
    return collating ?? rest[0] ?? "";
  }

  #sees(sign: string): boolean {
    return this.#text.startsWith(sign, this.#at);
  }

  #take(sign: string): boolean {
    if (!this.#sees(sign)) return false;
    this.#at += sign.length;
    return true;
  }
}

function one(character: string): Pattern {
  return { type: "set", set: bytesIn(character + character) };
}
