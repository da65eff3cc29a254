import type { Span } from "./words.js";

/** Kinds of tokens that the page has colours for, by the class that highlight.js gives them. */
const NAMES: Readonly<Record<string, string>> = {
  keyword: "keyword",
  built_in: "type",
  type: "type",
  class: "type",
  literal: "number",
  number: "number",
  string: "string",
  regexp: "string",
  symbol: "string",
  char: "string",
  subst: "plain",
  comment: "comment",
  doctag: "comment",
  quote: "comment",
  meta: "meta",
  title: "title",
  function: "title",
  section: "title",
  attr: "name",
  attribute: "name",
  property: "name",
  name: "keyword",
  tag: "plain",
  variable: "name",
  "selector-tag": "keyword",
  "selector-class": "title",
  "selector-id": "title",
  bullet: "meta",
  code: "string",
  emphasis: "string",
  strong: "keyword",
  link: "string",
};

/** A coloured stretch: `name` as in styles.css, `::highlight(name)`. */
export interface NamedSpan extends Span {
  name: string;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#x27": "'" };

/**
 * The stretches that highlight.js has marked. Its HTML is read here as the few forms that it writes, and never given to the
 * browser as HTML.
 *
 * @param html `<span class="hljs-…">`, `</span>`, and text with its five entities
 * @returns ascending, without overlaps: of nested ones the innermost
 */
export function spansOf(html: string): NamedSpan[] {
  const spans: NamedSpan[] = [];
  const open: string[] = [];
  let at = 0;
  for (const [piece, classes, entity] of html.matchAll(/<span class="([^"]*)">|<\/span>|&([a-z0-9#]+);|[^<&]+|[<&]/g)) {
    if (classes !== undefined) {
      const kind = classes.replace(/^hljs-/, "").split(/[ .]/)[0] ?? "";
      open.push(NAMES[kind] ?? open.at(-1) ?? "plain");
    } else if (piece === "</span>") open.pop();
    else {
      const length = entity === undefined ? piece.length : (ENTITIES[entity] ?? piece).length;
      const name = open.at(-1) ?? "plain";
      const last = spans.at(-1);
      if (name !== "plain" && last?.name === name && last.end === at) last.end = at + length;
      else if (name !== "plain") spans.push({ name, start: at, end: at + length });
      at += length;
    }
  }
  return spans;
}

/** The part of stretches that lies within a part of the text, counted from its start. */
export function spansWithin(spans: readonly NamedSpan[], start: number, end: number): NamedSpan[] {
  return spans
    .filter((span) => span.start < end && span.end > start)
    .map(({ name, ...span }) => ({
      name,
      start: Math.max(span.start, start) - start,
      end: Math.min(span.end, end) - start,
    }));
}
