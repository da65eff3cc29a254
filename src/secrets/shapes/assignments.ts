import type { Assignments } from "../paths/path-rules.js";
import { isPlaceholder } from "./placeholder.js";
import type { Line } from "./recognizer.js";
import type { Span } from "./span.js";

const MAX_NAME_UNITS = 200;
const MAX_GAP = 20;
const LEAST_VALUE_UNITS = 4;

/** `export NAME=value`, `name = value`, `//host/:_authToken=value`. Every part of it is bounded. */
const EQUALS = new RegExp(
  `^([ \\t]{0,${MAX_GAP}}(?:export[ \\t]+|set[ \\t]+)?)([\\w./:-]{1,${MAX_NAME_UNITS}})([ \\t]{0,${MAX_GAP}}[=:][ \\t]{0,${MAX_GAP}})`,
);
/** `"name": "value"`, `name: value`, `- name: value`. */
const DATA = new RegExp(
  `^([ \\t{,-]{0,${MAX_NAME_UNITS}}["']?)([\\w./-]{1,${MAX_NAME_UNITS}})(["']?[ \\t]{0,${MAX_GAP}}[=:][ \\t]{0,${MAX_GAP}})`,
);

/** Wherever they stand in a name. */
const SECRET_WORDS = /secret|token|passw|passphrase|pwd|credential|api_?key|private/i;
/** As a word of a name alone: `keyboard` has nothing to hide. */
const KEY_WORD = /(?:^|[._/:-])_?key$|(?:^|[._/:-])key[._-]|[a-z]Key$/i;
/** Names of what may be known: how long a key is, where it lies. */
const HARMLESS =
  /(?:size|length|len|type|file|path|dir|url|uri|name|id|alg|algorithm|count|limit|max|min|ttl|expir\w*|timeout|enabled|version)$/i;

/**
 * The value that a line assigns to a name which says that it is secret. Only for files in which such a line can be nothing
 * else: in a source, `token = next()` is code.
 */
export function assignedSecret({ text, start, end }: Line, how: Assignments): Span | undefined {
  if (how === "none") return undefined;
  const head = text.slice(start, Math.min(end, start + 2 * MAX_NAME_UNITS + 4 * MAX_GAP));
  const match = (how === "data" ? DATA : EQUALS).exec(head);
  if (match === null) return undefined;
  const [whole, , name = ""] = match;
  if (!(SECRET_WORDS.test(name) || KEY_WORD.test(name)) || HARMLESS.test(name)) return undefined;
  let from = start + whole.length;
  let to = end;
  while (to > from && /[\s,;]/.test(text[to - 1] ?? "")) to -= 1;
  const quote = text[from];
  if ((quote === '"' || quote === "'") && to - from >= 2) {
    const close = text.indexOf(quote, from + 1);
    from += 1;
    to = close < 0 || close > to ? to : close;
  }
  const value = text.slice(from, Math.min(to, from + 1024));
  // what has spaces in between is a sentence for people, as translations are
  if (value.length < LEAST_VALUE_UNITS || /\s/.test(value) || isPlaceholder(value) || /^[[{]/.test(value))
    return undefined;
  return { start: from, end: to, shown: 0, rule: "assigned-secret" };
}
