/** A condition on a place between two bytes. A word is of ASCII letters, digits and `_`. */
export type Place = "start" | "end" | "wordBoundary" | "noWordBoundary" | "wordStart" | "wordEnd";

/** A set of byte values: 1 at those that are in it. */
export type ByteSet = Uint8Array;

/** What a regular expression of bytes is made of. */
export type Pattern =
  | { readonly type: "set"; readonly set: ByteSet }
  | { readonly type: "place"; readonly place: Place }
  /** Numbered from 1, in the order of their opening parentheses. */
  | { readonly type: "group"; readonly group: number; readonly inner: Pattern }
  /** What that group has matched last; nothing matches when it has no part in the match. */
  | { readonly type: "reference"; readonly group: number }
  | { readonly type: "sequence"; readonly parts: readonly Pattern[] }
  | { readonly type: "alternatives"; readonly ways: readonly Pattern[] }
  /** `most` is `undefined` for any number. */
  | { readonly type: "repeat"; readonly inner: Pattern; readonly least: number; readonly most: number | undefined };

/** The set of the bytes in these ranges, each two characters: "azAZ" is the ASCII letters. */
export function bytesIn(ranges: string): ByteSet {
  const set = new Uint8Array(256);
  for (let at = 0; at < ranges.length; at += 2) set.fill(1, ranges.charCodeAt(at), ranges.charCodeAt(at + 1) + 1);
  return set;
}

/** The set of all other bytes. */
export function bytesNotIn(set: ByteSet): ByteSet {
  return set.map((isIn) => 1 - isIn);
}
