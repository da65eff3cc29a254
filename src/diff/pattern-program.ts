import type { ByteSet, Pattern, Place } from "./pattern-tree.js";

/** One step of a {@link PatternProgram}. Those that name no other step go on with the next one. */
export type Step =
  | { readonly op: "set"; readonly set: ByteSet }
  | { readonly op: "place"; readonly place: Place }
  | { readonly op: "reference"; readonly group: number }
  /** Remembers the place: group n starts in slot 2n and ends in slot 2n + 1. */
  | { readonly op: "save"; readonly slot: number }
  /** Goes on at both; what matches at `first` is preferred. */
  | { readonly op: "split"; readonly first: number; readonly second: number }
  | { readonly op: "jump"; readonly to: number }
  | { readonly op: "match" };

export interface PatternProgram {
  readonly steps: readonly Step[];
  /** The slots in use; group 0 is all that matches. */
  readonly slots: number;
  readonly hasReferences: boolean;
}

/** Repetitions are written out, so a short pattern may become a long program. One beyond this is refused. */
const MAX_STEPS = 100_000;

/**
 * Compiles a pattern to a program for {@link PatternMachine}. Only the groups that count are remembered: the first, and
 * those that are referred to.
 *
 * @throws SyntaxError when the program would be too long
 */
export function compilePattern(pattern: Pattern): PatternProgram {
  const compiler = new Compiler(groupsReferred(pattern));
  compiler.emit(pattern);
  compiler.steps.push({ op: "match" });
  const { steps, highest, referred } = compiler;
  return { steps, slots: 2 * highest + 2, hasReferences: referred.size > 0 };
}

class Compiler {
  readonly steps: Step[] = [];
  readonly referred: ReadonlySet<number>;
  highest = 1;

  constructor(referred: ReadonlySet<number>) {
    this.referred = referred;
  }

  emit(pattern: Pattern): void {
    if (this.steps.length > MAX_STEPS) throw new SyntaxError("too big");
    switch (pattern.type) {
      case "set":
        this.steps.push({ op: "set", set: pattern.set });
        break;
      case "place":
        this.steps.push({ op: "place", place: pattern.place });
        break;
      case "reference":
        this.steps.push({ op: "reference", group: pattern.group });
        break;
      case "group":
        this.#group(pattern.group, pattern.inner);
        break;
      case "sequence":
        for (const part of pattern.parts) this.emit(part);
        break;
      case "alternatives":
        this.#alternatives(pattern.ways);
        break;
      case "repeat":
        this.#repeat(pattern.inner, pattern.least, pattern.most);
    }
  }

  #group(group: number, inner: Pattern): void {
    const counts = group === 1 || this.referred.has(group);
    if (counts) this.steps.push({ op: "save", slot: 2 * group });
    this.emit(inner);
    if (counts) this.steps.push({ op: "save", slot: 2 * group + 1 });
    if (counts) this.highest = Math.max(this.highest, group);
  }

  #alternatives(ways: readonly Pattern[]): void {
    const ends: number[] = [];
    for (const [at, way] of ways.entries()) {
      const isLast = at === ways.length - 1;
      const split = isLast ? undefined : this.#reserve();
      this.emit(way);
      if (split === undefined) continue;
      ends.push(this.#reserve());
      this.steps[split] = { op: "split", first: split + 1, second: this.steps.length };
    }
    for (const end of ends) this.steps[end] = { op: "jump", to: this.steps.length };
  }

  #repeat(inner: Pattern, least: number, most: number | undefined): void {
    const again = most === undefined ? Math.max(least - 1, 0) : least;
    const before = this.steps.length;
    for (let count = 0; count < again; count += 1) {
      this.emit(inner);
      if (this.steps.length === before) return; // nothing, as often as one likes: no step would bound it
    }
    if (most !== undefined) {
      const splits: number[] = [];
      for (let count = least; count < most; count += 1) {
        splits.push(this.#reserve());
        this.emit(inner);
      }
      for (const split of splits) this.steps[split] = { op: "split", first: split + 1, second: this.steps.length };
      return;
    }
    const skip = least === 0 ? this.#reserve() : undefined;
    const start = this.steps.length;
    this.emit(inner);
    this.steps.push({ op: "split", first: start, second: this.steps.length + 1 });
    if (skip !== undefined) this.steps[skip] = { op: "split", first: start, second: this.steps.length };
  }

  /** Takes the place of a step that is known only later. */
  #reserve(): number {
    return this.steps.push({ op: "match" }) - 1;
  }
}

function groupsReferred(pattern: Pattern): Set<number> {
  switch (pattern.type) {
    case "reference":
      return new Set([pattern.group]);
    case "group":
    case "repeat":
      return groupsReferred(pattern.inner);
    case "sequence":
      return new Set(pattern.parts.flatMap((part) => [...groupsReferred(part)]));
    case "alternatives":
      return new Set(pattern.ways.flatMap((way) => [...groupsReferred(way)]));
    default:
      return new Set();
  }
}
