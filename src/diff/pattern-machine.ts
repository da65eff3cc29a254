import type { PatternProgram, Step } from "./pattern-program.js";
import { bytesIn, type Place } from "./pattern-tree.js";

/** A line that takes more steps than this matches nowhere: about a second. */
const MAX_STEPS_A_LINE = 1 << 24;
/** With references it may be the number of ways that grows, and each step costs more. */
const MAX_STEPS_WITH_REFERENCES = 1 << 18;

const WORD = bytesIn("azAZ09__");

/** Places in the line by slot; -1 where a group has no part in it. Never written once it is shared. */
type Places = readonly number[];

/** One byte's list of ways to go on, the preferred first. Step, places and bytes of a reference taken, side by side. */
class Ways {
  length = 0;
  readonly at: number[] = [];
  readonly places: Places[] = [];
  readonly taken: number[] = [];

  add(at: number, places: Places, taken: number): void {
    this.at[this.length] = at;
    this.places[this.length] = places;
    this.taken[this.length] = taken;
    this.length += 1;
  }
}

/**
 * Runs a pattern over a line, all ways to match at once, byte by byte (Thompson 1968, with places as Pike keeps them:
 * <https://swtch.com/~rsc/regexp/regexp2.html>). The time is at most the line's length times the program's, whatever the
 * pattern; a backtracking engine, as JavaScript's is, may take exponentially long. Ways that have matched references
 * differently don't join, so there a limit helps.
 *
 * The leftmost match counts, and of those the longest; among equals the first in the pattern's order, as in the GNU C
 * library.
 */
export class PatternMachine {
  readonly #steps: readonly Step[];
  readonly #hasReferences: boolean;
  readonly #unmatched: Places;
  /** Bytes that a match may start with; `undefined` when it may be empty or start with a reference. */
  readonly #starts: Uint8Array | undefined;
  /** Whether a match can start nowhere but at the start of the line. */
  readonly #isAnchored: boolean;
  /** The round in which a step was visited last, or, where places count, the steps of this round with theirs. */
  readonly #visited: Int32Array;
  readonly #visitedWith = new Set<string>();
  #round = 0;
  #current = new Ways();
  #next = new Ways();
  #line: Uint8Array = new Uint8Array();
  #best: Places | undefined;
  #left = 0;

  constructor({ steps, slots, hasReferences }: PatternProgram) {
    this.#steps = steps;
    this.#hasReferences = hasReferences;
    this.#unmatched = new Array<number>(slots).fill(-1);
    this.#visited = new Int32Array(steps.length);
    this.#starts = firstBytes(steps, false);
    this.#isAnchored = firstBytes(steps, true)?.every((isFirst) => isFirst === 0) ?? false;
  }

  /**
   * @param line without its line feed
   * @returns start and end of the first group, or, when it has no part in the match, of all that matches
   */
  match(line: Uint8Array): [start: number, end: number] | undefined {
    this.#reset(line);
    for (let at = 0; at <= line.length; at += 1) {
      const mayStart = this.#best === undefined && (at === 0 || !this.#isAnchored);
      if (mayStart && this.#startsWith(line[at])) this.#follow(0, at, replaced(this.#unmatched, 0, at), this.#current);
      else if (this.#current.length === 0 && !mayStart) break;
      if (at < line.length) this.#take(line[at] ?? 0, at);
      if (this.#left < 0) return undefined;
    }
    if (this.#best === undefined) return undefined;
    const [start = 0, end = 0, groupStart = -1, groupEnd = -1] = this.#best;
    return groupEnd < 0 ? [start, end] : [groupStart, groupEnd];
  }

  #reset(line: Uint8Array): void {
    this.#line = line;
    this.#best = undefined;
    this.#left = this.#hasReferences ? MAX_STEPS_WITH_REFERENCES : MAX_STEPS_A_LINE;
    this.#current.length = 0;
    this.#nextRound();
  }

  #startsWith(byte: number | undefined): boolean {
    return this.#starts === undefined || (byte !== undefined && this.#starts[byte] === 1);
  }

  #nextRound(): void {
    this.#round += 1;
    if (this.#hasReferences) this.#visitedWith.clear();
    if (this.#round < 2 ** 31) return;
    this.#visited.fill(0);
    this.#round = 1;
  }

  /** Takes the byte at a place: the ways that it lets go on become the current ones. */
  #take(byte: number, place: number): void {
    const current = this.#current;
    const next = this.#next;
    next.length = 0;
    this.#nextRound();
    this.#left -= current.length;
    for (let way = 0; way < current.length; way += 1) {
      const at = current.at[way] ?? 0;
      const places = current.places[way] ?? this.#unmatched;
      if (this.#best !== undefined && (places[0] ?? 0) > (this.#best[0] ?? 0)) break;
      const step = this.#steps[at];
      if (step?.op === "set") {
        if (step.set[byte] === 1) this.#follow(at + 1, place + 1, places, next);
      } else if (step?.op === "reference") {
        const taken = current.taken[way] ?? 0;
        const start = places[2 * step.group] ?? 0;
        if (this.#line[start + taken] !== byte) continue;
        const isWhole = start + taken + 1 === places[2 * step.group + 1];
        if (isWhole) this.#follow(at + 1, place + 1, places, next);
        else next.add(at, places, taken + 1);
      }
    }
    this.#current = next;
    this.#next = current;
  }

  /** Follows the steps that take no byte, and adds to `ways` where one is taken next. */
  #follow(from: number, place: number, reached: Places, ways: Ways): void {
    const pending: [at: number, places: Places][] = [[from, reached]];
    for (let last = pending.pop(); last !== undefined; last = pending.pop()) {
      let [at, places] = last;
      for (let goesOn = true; goesOn && this.#isNew(at, places); ) {
        this.#left -= 1;
        const step = this.#steps[at];
        at += 1;
        switch (step?.op) {
          case "save":
            places = replaced(places, step.slot, place);
            break;
          case "jump":
            at = step.to;
            break;
          case "split":
            pending.push([step.second, places]);
            at = step.first;
            break;
          case "place":
            goesOn = isAt(step.place, this.#line, place);
            break;
          case "reference":
            goesOn = places[2 * step.group + 1] === places[2 * step.group] && (places[2 * step.group] ?? -1) >= 0;
            if (!goesOn && (places[2 * step.group + 1] ?? -1) >= 0) ways.add(at - 1, places, 0);
            break;
          case "set":
            ways.add(at - 1, places, 0);
            goesOn = false;
            break;
          default:
            this.#matched(places, place);
            goesOn = false;
        }
      }
    }
  }

  #isNew(at: number, places: Places): boolean {
    if (this.#hasReferences) {
      const key = `${at} ${places.slice(2).join(" ")}`;
      if (this.#visitedWith.has(key)) return false;
      this.#visitedWith.add(key);
      return true;
    }
    if (this.#visited[at] === this.#round) return false;
    this.#visited[at] = this.#round;
    return true;
  }

  #matched(places: Places, end: number): void {
    const best = this.#best;
    const start = places[0] ?? 0;
    const [bestStart = 0, bestEnd = 0] = best ?? [];
    const isBetter = best === undefined || start < bestStart || (start === bestStart && end > bestEnd);
    if (isBetter) this.#best = replaced(places, 1, end);
  }
}

function replaced(places: Places, slot: number, place: number): Places {
  const copy = places.slice();
  copy[slot] = place;
  return copy;
}

function isAt(place: Place, line: Uint8Array, at: number): boolean {
  const before = at > 0 && WORD[line[at - 1] ?? 0] === 1;
  const behind = at < line.length && WORD[line[at] ?? 0] === 1;
  switch (place) {
    case "start":
      return at === 0;
    case "end":
      return at === line.length;
    case "wordBoundary":
      return before !== behind;
    case "noWordBoundary":
      return before === behind;
    case "wordStart":
      return !before && behind;
    case "wordEnd":
      return before && !behind;
  }
}

/**
 * The bytes that a match may start with, 1 at each; `undefined` when it may take none, or starts with a reference.
 * @param withoutStart leaves out the ways that only the start of a line is on
 */
function firstBytes(steps: readonly Step[], withoutStart: boolean): Uint8Array | undefined {
  const first = new Uint8Array(256);
  const seen = new Set<number>();
  const pending = [0];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    const step = steps[at];
    if (step?.op === "set") for (const [byte, isIn] of step.set.entries()) first[byte] = (first[byte] ?? 0) | isIn;
    else if (step?.op === "split") pending.push(step.second, step.first);
    else if (step?.op === "jump") pending.push(step.to);
    else if (step?.op === "save" || (step?.op === "place" && !(withoutStart && step.place === "start"))) {
      pending.push(at + 1);
    } else if (step?.op !== "place") return undefined;
  }
  return first;
}
