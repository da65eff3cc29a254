import { type Glob, lowerAscii, type PathPattern } from "./path-pattern.js";

/** The plain texts of one kind of key, each with the numbers of the patterns that have it. */
class KeyTable {
  /** Text → the highest number. */
  readonly #last = new Map<string, number>();
  /** Number → the next lower one of the same text, where there is one. */
  #earlier: Map<number, number> | undefined;
  readonly #lengths = new Set<number>();

  /** The lengths of the texts: so many look-ups find all that a text begins or ends with. */
  get lengths(): ReadonlySet<number> {
    return this.#lengths;
  }

  /** @param number higher than those before */
  add(text: string, number: number): void {
    const earlier = this.#last.get(text);
    if (earlier !== undefined) {
      this.#earlier ??= new Map();
      this.#earlier.set(number, earlier);
    }
    this.#last.set(text, number);
    this.#lengths.add(text.length);
  }

  last(text: string): number | undefined {
    return this.#last.get(text);
  }

  earlier(number: number): number | undefined {
    return this.#earlier?.get(number);
  }
}

/** Shared by all that have no key of a kind; nothing is added to it. */
const NO_KEYS = new KeyTable();

/**
 * Many globs that are compared with texts of one kind, names or paths. Those that match are found by the plain text in
 * them, so that a million names cost a text a few look-ups.
 */
export class GlobIndex {
  // a large tree has a thousand files of few patterns each: what a file does not need is not made
  #literal = NO_KEYS;
  #suffix = NO_KEYS;
  #prefix = NO_KEYS;
  /** By number: those that have to be tried. */
  #tried: Map<number, Glob> | undefined;

  get isEmpty(): boolean {
    return this.#literal === NO_KEYS && this.#suffix === NO_KEYS && this.#prefix === NO_KEYS;
  }

  /** @param number higher than those before; not below 0 */
  add(glob: Glob, number: number): void {
    const { kind, text } = glob.key;
    if (kind === "literal") {
      if (this.#literal === NO_KEYS) this.#literal = new KeyTable();
      this.#literal.add(text, number);
    } else if (kind === "suffix") {
      if (this.#suffix === NO_KEYS) this.#suffix = new KeyTable();
      this.#suffix.add(text, number);
    } else {
      if (this.#prefix === NO_KEYS) this.#prefix = new KeyTable();
      this.#prefix.add(text, number);
      this.#tried ??= new Map();
      this.#tried.set(number, glob);
    }
  }

  /**
   * The highest number over `above` of a glob that matches, else `above`.
   * @param folded the text, folded where case does not count
   */
  last(text: string, folded: string, above: number): number {
    let last = Math.max(above, this.#literal.last(folded) ?? -1);
    for (const length of this.#suffix.lengths) {
      if (length <= folded.length) last = Math.max(last, this.#suffix.last(tailOf(folded, length)) ?? -1);
    }
    for (const length of this.#prefix.lengths) {
      if (length > folded.length) continue;
      for (let at = this.#prefix.last(folded.slice(0, length)); at !== undefined; at = this.#prefix.earlier(at)) {
        if (at <= last) break;
        if (this.#tried?.get(at)?.matches(text)) last = at;
      }
    }
    return last;
  }

  /** Adds the numbers of all that match, in no order. */
  collect(text: string, folded: string, found: number[]): void {
    for (let at = this.#literal.last(folded); at !== undefined; at = this.#literal.earlier(at)) found.push(at);
    for (const length of this.#suffix.lengths) {
      if (length > folded.length) continue;
      const tail = tailOf(folded, length);
      for (let at = this.#suffix.last(tail); at !== undefined; at = this.#suffix.earlier(at)) found.push(at);
    }
    for (const length of this.#prefix.lengths) {
      if (length > folded.length) continue;
      const head = folded.slice(0, length);
      for (let at = this.#prefix.last(head); at !== undefined; at = this.#prefix.earlier(at)) {
        if (this.#tried?.get(at)?.matches(text)) found.push(at);
      }
    }
  }
}

/** Shared by all that have none; nothing is added to it. */
const NO_GLOBS = new GlobIndex();

/** The patterns of one ignore or attributes file. */
export class PatternIndex {
  readonly #ignoreCase: boolean;
  #names = NO_GLOBS;
  #paths = NO_GLOBS;

  /** @param ignoreCase as the patterns were compiled with */
  constructor(ignoreCase: boolean) {
    this.#ignoreCase = ignoreCase;
  }

  get isEmpty(): boolean {
    return this.#names.isEmpty && this.#paths.isEmpty;
  }

  /** @param number higher than those before; not below 0 */
  add(pattern: PathPattern, number: number): void {
    if (pattern.anywhere) {
      if (this.#names === NO_GLOBS) this.#names = new GlobIndex();
      this.#names.add(pattern, number);
    } else {
      if (this.#paths === NO_GLOBS) this.#paths = new GlobIndex();
      this.#paths.add(pattern, number);
    }
  }

  /**
   * The highest number of a pattern that matches; -1 when none does.
   * @param prefix of the path, before its last component: "" or ending in `/`
   */
  last(prefix: string, name: string): number {
    const found = this.#names.isEmpty ? -1 : this.#names.last(name, this.#fold(name), -1);
    if (this.#paths.isEmpty) return found;
    const path = prefix + name;
    return this.#paths.last(path, this.#fold(path), found);
  }

  /** The numbers of all patterns that match, descending. Parameters as of {@link last}. */
  all(prefix: string, name: string): number[] {
    const found: number[] = [];
    if (!this.#names.isEmpty) this.#names.collect(name, this.#fold(name), found);
    if (!this.#paths.isEmpty) {
      const path = prefix + name;
      this.#paths.collect(path, this.#fold(path), found);
    }
    return found.sort((a, b) => b - a);
  }

  #fold(text: string): string {
    return this.#ignoreCase ? lowerAscii(text) : text;
  }
}

function tailOf(text: string, length: number): string {
  return text.slice(text.length - length);
}
