import { decodeText } from "../git/index.js";

/** What a commit says in text. */
export interface CommitText {
  /** The first paragraph, on one line. */
  subject: string;
  /** What is behind it, without line feeds at either end. */
  body: string;
  author: { name: string; email: string /** Seconds since 1970; 0 where it does not say. */; at: number };
}

/** Longer messages end here, in bytes: what is shown of them is a list. */
const MAX_MESSAGE_BYTES = 64 * 1024;

/**
 * Reads a commit's author and message, as `git log` shows them (`%an`, `%ae`, `%at`, `%s`, `%b`): converted to UTF-8 from
 * the encoding that it names.
 *
 * @param content of the commit object
 */
export function commitText(content: Buffer): CommitText {
  const end = content.indexOf("\n\n");
  const headers = content.toString("latin1", 0, end < 0 ? content.length : end).split("\n");
  const encoding = headerOf(headers, "encoding");
  const textOf = (bytes: Buffer): string => decodeText(bytes, encoding);
  const message = end < 0 ? Buffer.alloc(0) : content.subarray(end + 2, end + 2 + MAX_MESSAGE_BYTES);
  const nul = message.indexOf(0); // where git's text ends, too
  return {
    ...splitMessage(textOf(nul < 0 ? message : message.subarray(0, nul))),
    author: splitIdent(headerOf(headers, "author") ?? "", textOf),
  };
}

function headerOf(headers: readonly string[], name: string): string | undefined {
  return headers.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
}

/** As git's format_subject() and skip_blank_lines(): lines of blanks divide paragraphs. */
function splitMessage(message: string): { subject: string; body: string } {
  const lines = message.split("\n").map((line) => line.replace(/[ \t\r\v\f]+$/, ""));
  let at = lines.findIndex((line) => line !== "");
  if (at < 0) return { subject: "", body: "" };
  const start = at;
  while (at < lines.length && lines[at] !== "") at += 1;
  const subject = lines.slice(start, at).join(" ");
  const body = message.split("\n").slice(at);
  const first = body.findIndex((line) => line.trim() !== "");
  return { subject, body: first < 0 ? "" : body.slice(first).join("\n").replace(/\n+$/, "") };
}

/** `NAME <EMAIL> SECONDS ZONE`, as git's split_ident_line() finds its parts in damaged ones. @param ident a character per byte */
function splitIdent(ident: string, textOf: (bytes: Buffer) => string): CommitText["author"] {
  const text = (bytes: string): string => textOf(Buffer.from(bytes, "latin1"));
  const open = ident.indexOf("<");
  const close = ident.indexOf(">", open);
  if (open < 0 || close < 0) return { name: "", email: "", at: 0 };
  const seconds = /^\s*(\d{1,15})/.exec(ident.slice(ident.lastIndexOf(">") + 1))?.[1];
  return {
    name: text(ident.slice(0, open).trimEnd()),
    email: text(ident.slice(open + 1, close)),
    at: Number(seconds ?? 0),
  };
}
