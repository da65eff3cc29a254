import { coreModule } from "./core-module.js";
import type { FunctionPattern } from "./types.js";

/** What `core/index.ts` exports. Addresses and sizes are in bytes. */
interface CoreExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  lowest(): number;
  compare(
    beforeAt: number,
    beforeSize: number,
    afterAt: number,
    afterSize: number,
    contextLines: number,
    hasPattern: boolean,
  ): number;
  outputAt(): number;
  deletedLines(): number;
  addedLines(): number;
}

/** As much as is used here: Node's types leave it to the browser's. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

const PAGE_BYTES = 1 << 16;
/** Between the files and behind them: vectors are read beyond their ends. */
const GAP_BYTES = 64;
/** Nearly the whole of a 32-bit address space: the core needs some behind the files. */
const MOST_BYTES = 2 ** 32 - 2 ** 21;
/** More context than any file has lines; twice as much is still a 32-bit number. */
const MOST_CONTEXT_LINES = 2 ** 29;
/** As much of a function's name is printed. */
const MAX_NAME_BYTES = 80;

const NO_BYTES = new Uint8Array(0);

/** What the core imports: see `core/host.ts`. */
interface Host {
  matchLine(start: number, end: number, name: number): number;
  outOfMemory(): void;
}

let compiled: object | undefined;

/** An instance of the compiled core: what its `index.ts` exports, and a memory of its own. */
export function instantiate(host: Host): unknown {
  compiled ??= new WebAssembly.Module(Buffer.from(coreModule, "base64"));
  return new WebAssembly.Instance(compiled, { host }).exports;
}

/** A core whose memory serves one comparison after another. */
export class Core {
  readonly #exports: CoreExports;
  readonly #lowest: number;
  /** The whole memory; detached when that has grown. */
  #memory: Uint8Array = NO_BYTES;
  #before: Uint8Array = NO_BYTES;
  #pattern: FunctionPattern | undefined;
  #outputLength = 0;

  constructor() {
    this.#exports = instantiate({
      matchLine: (start, end, name) => this.#matchLine(start, end, name),
      outOfMemory: tooLarge,
    }) as CoreExports;
    this.#lowest = this.#exports.lowest();
  }

  /**
   * Compares two files; {@link output} then gives the hunks.
   * @param contextLines a whole number, 0 or more
   * @throws RangeError when the files, and what is kept about their lines, take more than 4 GB
   */
  compare(before: Uint8Array, after: Uint8Array, contextLines: number, pattern: FunctionPattern | undefined): void {
    const beforeAt = this.#lowest;
    const afterAt = beforeAt + before.length + GAP_BYTES;
    const memory = this.#reserve(afterAt + after.length + GAP_BYTES);
    memory.set(before, beforeAt);
    memory.set(after, afterAt);
    this.#before = before;
    this.#pattern = pattern;
    const context = Math.min(contextLines, MOST_CONTEXT_LINES);
    this.#outputLength = this.#exports.compare(
      beforeAt,
      before.length,
      afterAt,
      after.length,
      context,
      pattern !== undefined,
    );
  }

  /** The hunks of the last comparison, in memory of their own, behind a text of one character per byte (latin1). */
  output(head = ""): Uint8Array {
    const length = this.#outputLength;
    const output = Buffer.allocUnsafe(head.length + length);
    if (head !== "") output.write(head, "latin1");
    const at = this.#exports.outputAt() >>> 0;
    output.set(this.#view().subarray(at, at + length), head.length);
    return output;
  }

  /** How many lines of the last comparison are deleted. */
  get deletions(): number {
    return this.#exports.deletedLines();
  }

  /** How many lines of the last comparison are added. */
  get additions(): number {
    return this.#exports.addedLines();
  }

  /** How many bytes it holds. */
  get size(): number {
    return this.#view().length;
  }

  /** Lets go of the files. */
  clear(): void {
    this.#before = NO_BYTES;
    this.#pattern = undefined;
    this.#outputLength = 0;
  }

  #view(): Uint8Array {
    if (this.#memory.length === 0) this.#memory = new Uint8Array(this.#exports.memory.buffer);
    return this.#memory;
  }

  #reserve(size: number): Uint8Array {
    const view = this.#view();
    if (size <= view.length) return view;
    if (size > MOST_BYTES) tooLarge();
    this.#exports.memory.grow(Math.ceil((size - view.length) / PAGE_BYTES));
    return this.#view();
  }

  /** @param name where the text behind `@@` is to be written. @returns its length, -1 when the line is no head */
  #matchLine(start: number, end: number, name: number): number {
    const line = this.#before.subarray((start >>> 0) - this.#lowest, (end >>> 0) - this.#lowest);
    const matched = this.#pattern?.match(line)?.subarray(0, MAX_NAME_BYTES);
    if (matched === undefined) return -1;
    this.#view().set(matched, name >>> 0);
    return matched.length;
  }
}

function tooLarge(): never {
  throw new RangeError("the files are too large to be compared: with what is kept about their lines, over 4 GB");
}

/** A core that has grown beyond this is not kept. */
const MAX_KEPT_BYTES = 1 << 25;

let idle: Core | undefined;

/** Runs comparisons in a core of its own, also when one is under way: a function pattern may start another. */
export function withCore<T>(run: (core: Core) => T): T {
  const core = idle ?? new Core();
  idle = undefined;
  try {
    return run(core);
  } finally {
    core.clear();
    if (core.size <= MAX_KEPT_BYTES) idle = core;
  }
}
