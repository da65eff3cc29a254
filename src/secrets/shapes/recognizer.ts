import type { Budget } from "./budget.js";
import type { Span } from "./span.js";

/** One line, or what is looked at like one. */
export interface Line {
  readonly text: string;
  readonly start: number;
  /** Behind the last unit, before the line's end. */
  readonly end: number;
  /** The text was cut off here: what is left of a secret may be short. */
  readonly isCut: boolean;
}

/** Looks at what stands around a keyword. @param at where the keyword begins */
export type Recognizer = (line: Line, at: number, budget: Budget) => Span | readonly Span[] | undefined;

/** A set of ASCII characters. */
export type CharacterSet = Uint8Array;

/** @param pattern what stands in a regular expression's brackets */
export function characterSet(pattern: string): CharacterSet {
  const expression = new RegExp(`[${pattern}]`);
  return Uint8Array.from({ length: 128 }, (_, code) => Number(expression.test(String.fromCharCode(code))));
}

/** How far into a run {@link isVaried} looks. */
export const VARIED_UNITS = 64;
/** So many units are looked at in one step of a budget. */
export const STEP_UNITS = 256;

/** Behind the last of the characters of a set that follow each other from a place on. */
export function runEnd(text: string, from: number, end: number, set: CharacterSet): number {
  let at = from;
  while (at < end && set[text.charCodeAt(at)] === 1) at += 1;
  return at;
}

/** Whether a run has so many different characters: `xxxxxxxx` stands for a secret and is none. */
export function isVaried(text: string, start: number, end: number, least: number): boolean {
  const found: number[] = [];
  for (let at = start; at < end && at < start + VARIED_UNITS && found.length < least; at += 1) {
    const unit = text.charCodeAt(at);
    if (!found.includes(unit)) found.push(unit);
  }
  return found.length >= least;
}

export const ALNUM = characterSet("A-Za-z0-9");
export const WORD = characterSet("A-Za-z0-9_");
export const WORD_OR_DASH = characterSet("A-Za-z0-9_-");

/** Letters and digits in turn, as no identifier has them. */
export function looksDrawn(text: string): boolean {
  const isDigit = (at: number) => text.charCodeAt(at) >= 48 && text.charCodeAt(at) <= 57;
  let changes = 0;
  for (let at = 1; at < text.length; at += 1) {
    if (isDigit(at) !== isDigit(at - 1)) changes += 1;
    if (changes === 2) return true;
  }
  return false;
}
