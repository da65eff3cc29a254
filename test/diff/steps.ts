import { instantiate } from "../../src/diff/core.js";

/** What `src/diff/core/steps.ts` exports. */
interface StepExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  lowest(): number;
  outputAt(): number;
  loadTexts(beforeAt: number, beforeSize: number, afterAt: number, afterSize: number): void;
  lineCount(after: boolean): number;
  lineStart(after: boolean, line: number): number;
  sameBytes(one: number, other: number, length: number): number;
  isMarked(after: boolean, line: number): number;
  mark(after: boolean, line: number): void;
  commonHead(): number;
  commonTail(): number;
  setAsideLines(): void;
  keptCount(after: boolean): number;
  keptLine(after: boolean, index: number): number;
  searchLines(): void;
  longestCommonLines(x: number, y: number): number;
  slideMarked(after: boolean): number;
  isWorseGroup(start: number, end: number, otherStart: number, otherEnd: number): number;
  printMarked(contextLines: number): number;
}

export type Side = "before" | "after";
type Range = readonly [start: number, end: number];

/** Two files in a core of their own, whose steps can be taken one by one. Contents are latin1. */
export class Steps {
  readonly #core: StepExports;

  constructor(before: string | Uint8Array, after: string | Uint8Array) {
    const refuse = () => {
      throw new Error("not expected in these tests");
    };
    this.#core = instantiate({ matchLine: refuse, outOfMemory: refuse }) as StepExports;
    const [one, other] = [Buffer.from(before as string, "latin1"), Buffer.from(after as string, "latin1")];
    const beforeAt = this.#core.lowest();
    const afterAt = beforeAt + one.length + 64;
    const memory = this.#memory();
    memory.set(one, beforeAt);
    memory.set(other, afterAt);
    this.#core.loadTexts(beforeAt, one.length, afterAt, other.length);
  }

  lines(side: Side): string[] {
    const after = side === "after";
    return Array.from({ length: this.#core.lineCount(after) }, (_, line) =>
      this.#memory().toString("latin1", this.#core.lineStart(after, line), this.#core.lineStart(after, line + 1)),
    );
  }

  /** Whether a line before and one after are the same. */
  isSameLine(line: number, otherLine: number): boolean {
    const [start, otherStart] = [this.#core.lineStart(false, line), this.#core.lineStart(true, otherLine)];
    const length = this.#core.lineStart(false, line + 1) - start;
    const otherLength = this.#core.lineStart(true, otherLine + 1) - otherStart;
    return length === otherLength && this.#core.sameBytes(start, otherStart, length) !== 0;
  }

  commonEnds(): [head: number, tail: number] {
    return [this.#core.commonHead(), this.#core.commonTail()];
  }

  /** Sets aside lines of both files. @returns the numbers of those that are kept */
  setAside(side: Side): number[] {
    const after = side === "after";
    this.#core.setAsideLines();
    return Array.from({ length: this.#core.keptCount(after) }, (_, i) => this.#core.keptLine(after, i));
  }

  search(): void {
    this.#core.searchLines();
  }

  /** The longest common subsequence of the first `x` lines before and the first `y` after. */
  longestCommon(x: number, y: number): number {
    return this.#core.longestCommonLines(x, y);
  }

  mark(deleted: readonly number[], added: readonly number[]): void {
    for (const line of deleted) this.#core.mark(false, line);
    for (const line of added) this.#core.mark(true, line);
  }

  /** Slides the groups of a file. @returns a line before which there are no changed lines now */
  slide(side: Side): number {
    return this.#core.slideMarked(side === "after");
  }

  /** Whether the first is a worse place for a group of the file before than the second. */
  isWorseGroup(one: Range, other: Range): boolean {
    return this.#core.isWorseGroup(...one, ...other) !== 0;
  }

  print(contextLines: number): string {
    const length = this.#core.printMarked(contextLines);
    const at = this.#core.outputAt();
    return this.#memory().toString("latin1", at, at + length);
  }

  /** The lines of a file, changed ones in brackets. */
  marked(side: Side): string {
    return this.lines(side)
      .map((line, i) => (this.#isMarked(side, i) ? `[${line.trim()}]` : line.trim()))
      .join(" ");
  }

  /** The lines of a file that are not marked, without their line feeds. */
  unmarked(side: Side): string[] {
    return this.lines(side)
      .filter((_, i) => !this.#isMarked(side, i))
      .map((line) => line.trim());
  }

  #isMarked(side: Side, line: number): boolean {
    return this.#core.isMarked(side === "after", line) !== 0;
  }

  #memory(): Buffer {
    return Buffer.from(this.#core.memory.buffer);
  }
}
