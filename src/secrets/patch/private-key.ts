import { characterSet } from "../shapes/recognizer.js";

/** What a line of a private key is masked by. */
export const PRIVATE_KEY_RULE = "private-key";

/** Without it, no line has a marker. */
const NEEDLE = "PRIVATE KEY";
const MARKER = /-{4,5} ?(BEGIN|END)(?: [A-Z0-9]{1,20}){0,4} PRIVATE KEY(?: BLOCK)? ?-{4,5}/g;
/** Lines of a block that say how the key is packed (RFC 1421, RFC 4880). */
const BLOCK_HEADER = /^\s*["']?(?:Proc-Type|DEK-Info|Comment|Version|Hash|Subject|x-[\w-]{1,40}): ?.{0,200}$/i;
/** Shorter runs of base64 may be words. Units. */
const LEAST_BODY_UNITS = 24;
/** A block's lines are 64 or 76 long; on one line there may be a whole key. */
const MAX_LINE_UNITS = 64 * 1024;

const BASE64 = characterSet("A-Za-z0-9+/=");
/** What strings and comments of a source have before and behind a line. */
const BEFORE = characterSet("\\s\"'`,;(|*#>-");
const BEHIND = characterSet("\\s\"'`,;)|*+\\\\");

/** A part of a line that belongs to a private key. */
export interface KeyPart {
  readonly start: number;
  readonly end: number;
}

/** The base64 that a line is made of, between what a source has around it; `undefined` when there is anything else. */
function bodyOf(line: string): KeyPart | undefined {
  if (line.length > MAX_LINE_UNITS) return undefined;
  let start = 0;
  let end = line.length;
  while (start < end && BEFORE[line.charCodeAt(start)] === 1) start += 1;
  for (;;) {
    if (end > start && BEHIND[line.charCodeAt(end - 1)] === 1) end -= 1;
    else if (end - 2 >= start && line[end - 2] === "\\" && (line[end - 1] === "n" || line[end - 1] === "r")) end -= 2;
    else break;
  }
  for (let at = start; at < end; at += 1) if (BASE64[line.charCodeAt(at)] !== 1) return undefined;
  return end > start ? { start, end } : undefined;
}

/** Whether a line, seen alone, can be one of a block's: base64 and nothing else, too long for a word. */
export function looksLikeBody(line: string): boolean {
  if (line.length < LEAST_BODY_UNITS) return false;
  const body = bodyOf(line);
  return body !== undefined && body.end - body.start >= LEAST_BODY_UNITS;
}

/** Whether a line may stand between a block's begin and its end. */
export function mayContinue(line: string): boolean {
  return line.trim() === "" || BLOCK_HEADER.test(line) || bodyOf(line) !== undefined;
}

/** Whether a line begins or ends a private key. @returns the kind of its last marker */
export function markerOf(line: string): "BEGIN" | "END" | undefined {
  if (!line.includes(NEEDLE)) return undefined;
  const kind = [...line.matchAll(MARKER)].at(-1)?.[1];
  return kind === "BEGIN" || kind === "END" ? kind : undefined;
}

/** Follows one version of a file, line by line, and says what of each line belongs to a private key. */
export class KeyBlock {
  #isInside = false;
  /** A line of base64 has been seen in the block: shorter ones belong to it as well. */
  #hasBody = false;

  get isInside(): boolean {
    return this.#isInside;
  }

  /** Goes on elsewhere in the file. */
  jump(isInside: boolean): void {
    this.#isInside = isInside;
    this.#hasBody = isInside;
  }

  /** @param line without its end. @returns ascending; empty when nothing of it belongs to a key */
  take(line: string): readonly KeyPart[] {
    if (line.includes(NEEDLE)) return this.#takeMarkers(line);
    if (!this.#isInside || line.trim() === "" || BLOCK_HEADER.test(line)) return [];
    const body = bodyOf(line);
    if (body === undefined || !(this.#hasBody || body.end - body.start >= LEAST_BODY_UNITS)) {
      this.jump(false);
      return [];
    }
    this.#hasBody = true;
    return [body];
  }

  #takeMarkers(line: string): KeyPart[] {
    const parts: KeyPart[] = [];
    let at = 0;
    let hasMarker = false;
    for (const match of line.matchAll(MARKER)) {
      if (this.#isInside) parts.push(...keyBetween(line, at, match.index, hasMarker ? LEAST_BODY_UNITS : 1));
      hasMarker = true;
      at = match.index + match[0].length;
      this.jump(false);
      this.#isInside = match[1] === "BEGIN";
    }
    if (!hasMarker) this.jump(false);
    else if (this.#isInside) {
      const rest = keyBetween(line, at, line.length, LEAST_BODY_UNITS);
      parts.push(...rest);
      this.#hasBody = rest.length > 0;
    }
    return parts;
  }
}

/** A key that stands beside its markers, as in JSON. @param least units of base64 for it to be one */
function keyBetween(line: string, from: number, to: number, least: number): KeyPart[] {
  const between = line.slice(from, to);
  const runs = between.replace(/\\[nr]/g, "").match(/[A-Za-z0-9+/=]+/g) ?? [];
  if (!runs.some(({ length }) => length >= least)) return [];
  const start = from + (/^(?:\\[nr]|[\s"'`+,])*/.exec(between)?.[0].length ?? 0);
  let end = to;
  while (end > start && BASE64[line.charCodeAt(end - 1)] !== 1) end -= 1;
  return end > start ? [{ start, end }] : [];
}
