import { FILE_TYPES, OTHER_FILE_TYPES, type Refusal, refusalOfType } from "../../answers.js";
import { sniffImage } from "./sniff.js";

/** What chat files may be: images alone, or what later releases of Coder take as well. */
export type FileTypes = "images" | "all";

/** What `<svg` may stand behind, one at a time (XML 1.0, 2.8): space, a declaration, a comment, a document type. */
const BEFORE_SVG = /^(?:\s+|<\?xml[^>]*\?>|<!--(?:(?!-->)[\s\S])*-->|<!doctype\s+svg[^>]*>)/i;

/** The types that a relay takes, in the order in which a refusal names them. */
export function typesOf(which: FileTypes): readonly string[] {
  return which === "all" ? [...FILE_TYPES, ...OTHER_FILE_TYPES] : FILE_TYPES;
}

/** What an upload of another type is answered with. */
export function unsupportedType(which: FileTypes): Refusal {
  return refusalOfType(typesOf(which));
}

/**
 * The type of a file by what is in it. Of texts, only what was declared can tell some from others: a Markdown file is a text
 * as well.
 *
 * @param declared one of {@link typesOf}
 * @param head the first kilobyte, or all of it
 * @param isText whether all of it is text
 * @returns `undefined`: it is none of the types
 */
export function classify(which: FileTypes, declared: string, head: Buffer, isText: boolean): string | undefined {
  const image = sniffImage(head);
  if (image !== undefined || which === "images") return image;
  if (head.toString("latin1", 0, 5) === "%PDF-") return "application/pdf";
  if (!isText) return undefined;
  const text = head.toString("utf8");
  switch (declared) {
    case "text/plain":
    case "text/markdown":
    case "text/csv":
      return declared;
    case "application/json":
      return /^\ufeff?\s*(?:[[{"\d-]|true|false|null)/.test(text) ? declared : "text/plain";
    case "image/svg+xml":
      return isSvg(text) ? declared : "text/plain";
    default:
      return undefined; // it was said to be something else than text
  }
}

function isSvg(head: string): boolean {
  let rest = head.replace(/^\ufeff/, "");
  for (let before = BEFORE_SVG.exec(rest); before !== null; before = BEFORE_SVG.exec(rest)) {
    rest = rest.slice(before[0].length);
  }
  return /^<svg[\s>]/i.test(rest);
}

/** Whether bytes that come in chunks are text: UTF-8 without NUL. */
export class TextCheck {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  #isText = true;

  push(chunk: Uint8Array): void {
    if (!this.#isText) return;
    this.#isText = !chunk.includes(0) && this.#decodes(chunk, true);
  }

  /** @returns whether all of it was, to be asked once, at the end */
  end(): boolean {
    return this.#isText && this.#decodes(new Uint8Array(), false);
  }

  #decodes(chunk: Uint8Array, stream: boolean): boolean {
    try {
      this.#decoder.decode(chunk, { stream });
      return true;
    } catch {
      return false;
    }
  }
}

/**
 * The headers with which a file of a type goes out. Images are shown by browsers; whatever else somebody has uploaded is
 * saved, and what is opened all the same may do nothing.
 */
export function headersOf(type: string): { type: string; disposition: "inline" | "attachment"; extra: object } {
  if ((FILE_TYPES as readonly string[]).includes(type)) return { type, disposition: "inline", extra: {} };
  return {
    type: type.startsWith("text/") ? `${type}; charset=utf-8` : type,
    disposition: "attachment",
    extra: { "Content-Security-Policy": "sandbox; default-src 'none'" },
  };
}
