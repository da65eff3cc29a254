import { Text } from "./text";

// The indent heuristic and its weights, as published with it in git's history of 2016 (M. Haggerty, "diff: improve the
// positioning of add/delete blocks in diffs", <https://github.com/mhagger/diff-slider-tools>).

const MAX_INDENT_COLUMNS: i32 = 200;
const TAB_COLUMNS: i32 = 8;
/** Runs of blank lines are looked at this far. */
const MAX_BLANK_LINES: i32 = 20;

const INDENT_WEIGHT: i32 = 60;
const START_OF_FILE: i32 = 1;
const END_OF_FILE: i32 = 21;
const PER_BLANK_LINE: i32 = -30;
const PER_BLANK_LINE_BEHIND: i32 = 6;
// By how a line is indented against the one before: penalty, and penalty when blank lines are near.
const DEEPER: i32 = -4;
const DEEPER_NEAR_BLANKS: i32 = 10;
const STARTS_BLOCK: i32 = 24;
const STARTS_BLOCK_NEAR_BLANKS: i32 = 17;
const ENDS_BLOCK: i32 = 23;
const ENDS_BLOCK_NEAR_BLANKS: i32 = 17;

const BLANK: i32 = -1;

/** The columns before a line's first character that is not white space; {@link BLANK} when there is none. */
function indentOf(text: Text, line: i32): i32 {
  const end = text.start(line + 1);
  let columns = 0;
  for (let at = text.start(line); at < end; at += 1) {
    const byte = load<u8>(at);
    if (byte === 32) columns += 1;
    else if (byte === 9) columns += TAB_COLUMNS - (columns % TAB_COLUMNS);
    else if (byte !== 10 && byte !== 13) return columns;
    if (columns >= MAX_INDENT_COLUMNS) return MAX_INDENT_COLUMNS;
  }
  return BLANK;
}

/** How bad it would be for a group of changed lines to start and end where it does; less is better. */
export let indent: i32 = 0;
export let penalty: i32 = 0;

/** Rates the group of changed lines `[start, end)`: a split before each of the two lines. */
export function rate(text: Text, start: i32, end: i32): void {
  indent = 0;
  penalty = 0;
  addSplit(text, end);
  addSplit(text, start);
}

/** Whether what was rated last is worse than what had this indent and penalty. */
export function isWorseThan(otherIndent: i32, otherPenalty: i32): bool {
  const deeper = (indent > otherIndent ? 1 : 0) - (indent < otherIndent ? 1 : 0);
  return INDENT_WEIGHT * deeper + (penalty - otherPenalty) > 0;
}

function addSplit(text: Text, line: i32): void {
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

  if (indentBefore === BLANK && blanksBefore === 0) penalty += START_OF_FILE;
  if (line >= text.count) penalty += END_OF_FILE;
  const behind = own === BLANK ? blanksBehind + 1 : 0;
  const blanks = blanksBefore + behind;
  penalty += PER_BLANK_LINE * blanks + PER_BLANK_LINE_BEHIND * behind;

  const deepest = own === BLANK ? indentBehind : own;
  indent += deepest;
  if (deepest === BLANK || indentBefore === BLANK || deepest === indentBefore) return;
  const nearBlanks = blanks !== 0;
  if (deepest > indentBefore) penalty += nearBlanks ? DEEPER_NEAR_BLANKS : DEEPER;
  else if (indentBehind !== BLANK && indentBehind > deepest) {
    penalty += nearBlanks ? STARTS_BLOCK_NEAR_BLANKS : STARTS_BLOCK;
  } else penalty += nearBlanks ? ENDS_BLOCK_NEAR_BLANKS : ENDS_BLOCK;
}
