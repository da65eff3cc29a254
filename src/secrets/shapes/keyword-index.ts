/** A text by which a rule is found; the rule looks at what stands around it. */
export interface Keyword<R> {
  /** ASCII; two units at least. */
  readonly text: string;
  /** Whether letters of either case are the same; `text` is in lower case then. */
  readonly anyCase?: boolean;
  readonly recognizer: R;
}

interface Entry<R> extends Keyword<R> {
  /** Where the pair by which it is looked up stands in it. */
  readonly offset: number;
}

const UNITS = 128;

/**
 * Finds many keywords in one walk over a text: a table says of each two neighbouring characters whether a keyword has them.
 * Nearly every place of a source is ruled out by one look into it.
 */
export class KeywordIndex<R> {
  /** By pair: 0, or a place in the list of entries. */
  readonly #places = new Uint8Array(UNITS * UNITS);
  readonly #entries: Entry<R>[][] = [[]];

  constructor(keywords: readonly Keyword<R>[]) {
    const byPair = new Map<number, Entry<R>[]>();
    for (const keyword of keywords) {
      const offset = rarestPair(keyword.text);
      const pair = keyword.text.slice(offset, offset + 2);
      for (const variant of keyword.anyCase === true ? casesOf(pair) : [pair]) {
        const code = variant.charCodeAt(0) * UNITS + variant.charCodeAt(1);
        byPair.set(code, [...(byPair.get(code) ?? []), { ...keyword, offset }]);
      }
    }
    for (const [code, entries] of byPair) this.#places[code] = this.#entries.push(entries) - 1;
    if (this.#entries.length > 255) throw new RangeError("too many keywords");
  }

  /**
   * Calls back for each keyword in a part of a text, where it begins.
   *
   * @param tick called every 1,024 units
   * @param found returns up to where no other is looked for
   */
  find(text: string, start: number, end: number, tick: () => void, found: (at: number, recognizer: R) => number): void {
    const places = this.#places;
    let before = 0;
    for (let at = start; at < end; at += 1) {
      if ((at & 1023) === 0) tick();
      const unit = text.charCodeAt(at);
      if (unit >= UNITS) {
        before = 0;
        continue;
      }
      const place = places[before * UNITS + unit];
      before = unit;
      if (place === undefined || place === 0) continue;
      for (const entry of this.#entries[place] ?? []) {
        const from = at - 1 - entry.offset;
        if (from < start || from + entry.text.length > end) continue;
        const isThere =
          entry.anyCase === true
            ? text.slice(from, from + entry.text.length).toLowerCase() === entry.text
            : text.startsWith(entry.text, from);
        if (!isThere) continue;
        const covered = found(from, entry.recognizer);
        if (covered <= at) continue;
        at = covered - 1;
        before = 0;
        break;
      }
    }
  }
}

/** Where the two characters stand that are rare in sources: small letters are not, and capitals less than signs. */
function rarestPair(text: string): number {
  const rarity = (unit: string) => (/[a-z]/.test(unit) ? 0 : /[A-Z0-9 ]/.test(unit) ? 2 : 3);
  let best = 0;
  let most = -1;
  for (let at = 0; at + 1 < text.length; at += 1) {
    const sum = rarity(text[at] ?? "") + rarity(text[at + 1] ?? "");
    if (sum > most) [best, most] = [at, sum];
  }
  return best;
}

function casesOf(pair: string): Set<string> {
  const [one = "", other = ""] = pair;
  const both = (unit: string) => [unit.toLowerCase(), unit.toUpperCase()];
  return new Set(both(one).flatMap((first) => both(other).map((second) => first + second)));
}
