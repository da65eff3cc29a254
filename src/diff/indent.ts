import type { Text } from "./text.js";

// The indent heuristic and its weights, as published with it in git's history of 2016 (M. Haggerty, "diff: improve the
// positioning of add/delete blocks in diffs", <https://github.com/mhagger/diff-slider-tools>).

const MAX_INDENT_COLUMNS = 200;
const TAB_COLUMNS = 8;
/** Runs of blank lines are looked at this far. */
const MAX_BLANK_LINES = 20;

const INDENT_WEIGHT = 60;
const START_OF_FILE = 1;
const END_OF_FILE = 21;
const PER_BLANK_LINE = -30;
const PER_BLANK_LINE_BEHIND = 6;
/** By how a line is indented against the one before: penalty, and penalty when blank lines are near. */
const DEEPER = [-4, 10] as const;
const STARTS_BLOCK = [24, 17] as const;
const ENDS_BLOCK = [23, 17] as const;

const BLANK = -1;

/** The columns before a line's first character that is not white space; {@link BLANK} when there is none. */
function indentOf({ bytes, starts }: Text, line: number): number {
  const end = starts[line + 1] as number;
  let columns = 0;
  for (let i = starts[line] as number; i < end; i += 1) {
    const byte = bytes[i];
    if (byte === 32) columns += 1;
    else if (byte === 9) columns += TAB_COLUMNS - (columns % TAB_COLUMNS);
    else if (byte !== 10 && byte !== 13) return columns;
    if (columns >= MAX_INDENT_COLUMNS) return MAX_INDENT_COLUMNS;
  }
  return BLANK;
}

/** How bad it would be for a group of changed lines to start and end where it does; less is better. */
export interface Badness {
  indent: number;
  penalty: number;
}

/** Positive when `one` is worse than `other`, 0 when they are as bad. */
export function compareBadness(one: Badness, other: Badness): number {
  return INDENT_WEIGHT * Math.sign(one.indent - other.indent) + (one.penalty - other.penalty);
}

/** The badness of the group of changed lines `[start, end)`: that of a split before each of the two lines. */
export function badnessOf(text: Text, start: number, end: number): Badness {
  const badness: Badness = { indent: 0, penalty: 0 };
  addSplit(text, end, badness);
  addSplit(text, start, badness);
  return badness;
}

function addSplit(text: Text, line: number, badness: Badness): void {
  const own = line < text.count ? indentOf(text, line) : BLANK;

  let blanksBefore = 0;
  let indentBefore = BLANK;
  for (let i = line - 1; i >= 0; i -= 1) {
    indentBefore = indentOf(text, i);
    if (indentBefore !== BLANK) break;
    blanksBefore += 1;
    if (blanksBefore < MAX_BLANK_LINES) continue;
    indentBefore = 0;
    break;
  }

  let blanksBehind = 0;
  let indentBehind = BLANK;
  for (let i = line + 1; i < text.count; i += 1) {
    indentBehind = indentOf(text, i);
    if (indentBehind !== BLANK) break;
    blanksBehind += 1;
    if (blanksBehind < MAX_BLANK_LINES) continue;
    indentBehind = 0;
    break;
  }

  if (indentBefore === BLANK && blanksBefore === 0) badness.penalty += START_OF_FILE;
  if (line >= text.count) badness.penalty += END_OF_FILE;
  const behind = own === BLANK ? blanksBehind + 1 : 0;
  const blanks = blanksBefore + behind;
  badness.penalty += PER_BLANK_LINE * blanks + PER_BLANK_LINE_BEHIND * behind;

  const indent = own === BLANK ? indentBehind : own;
  badness.indent += indent;
  if (indent === BLANK || indentBefore === BLANK || indent === indentBefore) return;
  const nearBlanks = blanks === 0 ? 0 : 1;
  if (indent > indentBefore) badness.penalty += DEEPER[nearBlanks];
  else if (indentBehind !== BLANK && indentBehind > indent) badness.penalty += STARTS_BLOCK[nearBlanks];
  else badness.penalty += ENDS_BLOCK[nearBlanks];
}
