/** How a pattern of the configuration is written: `xfuncname` is "extended", `funcname` is "basic". */
export type PatternSyntax = "basic" | "extended";

/** A repetition counts no further than this, as in the GNU C library. */
const MAX_REPEATS = 32_767;
/** Groups nest no deeper than this here; no pattern that people write comes near. */
const MAX_DEPTH = 200;

/** POSIX classes in the C locale, as they stand between the brackets of a JavaScript pattern. */
const CLASSES: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  blank: " \\t",
  cntrl: "\\0-\\x1f\\x7f",
  digit: "0-9",
  graph: "!-~",
  lower: "a-z",
  print: " -~",
  punct: "!-\\/:-@\\[-`{-~",
  space: "\\t-\\r ",
  upper: "A-Z",
  xdigit: "0-9A-Fa-f",
};
/** What a backslash makes of a letter, beyond POSIX. */
const ESCAPES: Readonly<Record<string, string>> = {
  w: "\\w",
  W: "\\W",
  s: "[\\t-\\r ]",
  S: "[^\\t-\\r ]",
};
/** And where it makes a place of it, which can't be repeated. */
const PLACES: Readonly<Record<string, string>> = {
  b: "\\b",
  B: "\\B",
  "<": "\\b(?=\\w)",
  ">": "\\b(?<=\\w)",
  "`": "^",
  "'": "$",
};

/**
 * Translates a POSIX regular expression, with the GNU C library's additions, into one of JavaScript that matches text
 * of one character per byte as in the C locale. Rules: <https://pubs.opengroup.org/onlinepubs/9699919799/basedefs/V1_chap09.html>.
 *
 * What matches is the same; which of several ways to match is taken is not: POSIX takes the longest, JavaScript the first.
 *
 * @throws SyntaxError for a pattern that is invalid, in a few words
 */
export function translatePattern(text: string, syntax: PatternSyntax): string {
  return new Translation(text, syntax === "extended").translate();
}

class Translation {
  readonly #text: string;
  readonly #extended: boolean;
  #at = 0;
  #groups = 0;
  readonly #closed = new Set<number>();

  constructor(text: string, extended: boolean) {
    this.#text = text;
    this.#extended = extended;
  }

  translate(): string {
    const source = this.#alternatives(0);
    if (this.#at < this.#text.length) throw new SyntaxError("unmatched \\)");
    return source;
  }

  #alternatives(depth: number): string {
    if (depth > MAX_DEPTH) throw new SyntaxError("groups nest too deep");
    let source = this.#sequence(depth);
    while (this.#take(this.#extended ? "|" : "\\|")) source += `|${this.#sequence(depth)}`;
    return source;
  }

  #sequence(depth: number): string {
    const start = this.#at;
    let source = "";
    // A sign of repetition has nothing before it at the start, and behind an anchor.
    let repeats = false;
    while (this.#at < this.#text.length && !this.#isEnd(depth)) {
      const anchor = this.#anchor(start);
      source += anchor ?? this.#repeated(this.#atom(depth, repeats));
      repeats = anchor === undefined;
    }
    return source;
  }

  /** Whether an alternative ends here. In an extended expression, a `)` without its `(` is itself. */
  #isEnd(depth: number): boolean {
    if (this.#extended) return this.#sees("|") || (depth > 0 && this.#sees(")"));
    return this.#sees("\\|") || this.#sees("\\)");
  }

  /** Takes an anchor: in a basic expression `^` and `$` are some only where an alternative starts and ends. */
  #anchor(start: number): string | undefined {
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
    return sign;
  }

  #atom(depth: number, repeats: boolean): string {
    const sign = this.#text[this.#at] ?? "";
    if (sign === "[") return this.#brackets();
    if (sign === ".") {
      this.#at += 1;
      return "[^\\0]";
    }
    if (this.#take(this.#extended ? "(" : "\\(")) return this.#group(depth);
    if (!repeats) {
      if (this.#extended && /[*+?{]/.test(sign)) throw new SyntaxError(`nothing to repeat before ${sign}`);
      if (!this.#extended && this.#sees("\\{")) throw new SyntaxError("nothing to repeat before \\{");
    }
    if (sign === "\\") return this.#escape();
    this.#at += 1;
    return quoted(sign);
  }

  #group(depth: number): string {
    this.#groups += 1;
    const group = this.#groups;
    const source = this.#alternatives(depth + 1);
    if (!this.#take(this.#extended ? ")" : "\\)")) throw new SyntaxError("unmatched (");
    this.#closed.add(group);
    return `(${source})`;
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1];
    if (letter === undefined) throw new SyntaxError("a backslash at the end");
    this.#at += 2;
    const special = ESCAPES[letter];
    if (special !== undefined) return special;
    if (/[1-9]/.test(letter)) {
      if (!this.#closed.has(Number(letter))) throw new SyntaxError(`no group \\${letter}`);
      return `(?:\\${letter})`;
    }
    return quoted(letter);
  }

  /** Puts the signs of repetition behind a piece: there may be several, which JavaScript can't have. */
  #repeated(piece: string): string {
    let source = piece;
    for (let sign = this.#repetition(); sign !== undefined; sign = this.#repetition()) {
      source = `(?:${source})${sign}`;
      const isRefused = !this.#extended && (this.#sees("*") || this.#sees("\\{"));
      if (isRefused) throw new SyntaxError("one repetition behind another");
    }
    return source;
  }

  #repetition(): string | undefined {
    if (this.#take("*")) return "*";
    for (const sign of ["+", "?"]) if (this.#take(this.#extended ? sign : `\\${sign}`)) return sign;
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
    return `{${least},${most ?? ""}}`;
  }

  /** A bracket expression; a backslash in it is itself. */
  #brackets(): string {
    const text = this.#text;
    this.#at += 1;
    const negated = this.#take("^");
    let members = "";
    for (let first = true; ; first = false) {
      if (this.#at >= text.length) throw new SyntaxError("unmatched [");
      if (!first && this.#take("]")) break;
      const named = /^\[:([a-z]*):\]/.exec(text.slice(this.#at, this.#at + 12));
      if (named !== null) {
        const inClass = CLASSES[named[1] ?? ""];
        if (inClass === undefined) throw new SyntaxError(`no class ${named[0]}`);
        members += inClass;
        this.#at += named[0].length;
        continue;
      }
      const same = /^\[=(.)=\]/s.exec(text.slice(this.#at, this.#at + 5))?.[1];
      if (same !== undefined) this.#at += 5;
      const low = same ?? this.#member();
      if (!this.#sees("-") || text[this.#at + 1] === "]" || this.#at + 1 >= text.length) {
        members += quoted(low);
        continue;
      }
      if (same !== undefined) throw new SyntaxError(`invalid range from [=${same}=]`);
      this.#at += 1;
      const high = this.#member();
      if (high < low) throw new SyntaxError(`invalid range ${low}-${high}`);
      members += `${quoted(low)}-${quoted(high)}`;
    }
    return `[${negated ? "^" : ""}${members}]`;
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

function quoted(character: string): string {
  return /[\w\s\x80-\xff]/.test(character) ? character : `\\${character === "\0" ? "0" : character}`;
}
