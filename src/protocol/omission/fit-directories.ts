import { firstFrom } from "../file-list.js";
import type { TreeFile } from "../tree.js";
import { EVERYTHING, type LeftOut, omittedDirectory } from "./omitted-directory.js";
import { patchSize } from "./patch-size.js";

/** A directory that holds nearly all of what is in the one above it is the one that is named: so many eighths. */
const NEARLY_ALL_EIGHTHS = 7;

/** Consecutive files: all that are below one directory. */
interface Run {
  /** Byte path with a `/` at its end. */
  readonly directory: string;
  readonly start: number;
  /** Behind the last one. */
  readonly end: number;
}

/** A directory that is left out, and what stands for it. */
interface LeftOutRun {
  readonly run: Run;
  readonly entry: TreeFile;
}

/** Untracked files, with what any run of them takes. Ascending by key. */
class Sums {
  readonly #least: Float64Array;
  readonly #bytes: Float64Array;
  readonly #count: Float64Array;

  constructor(files: readonly TreeFile[]) {
    this.#least = new Float64Array(files.length + 1);
    this.#bytes = new Float64Array(files.length + 1);
    this.#count = new Float64Array(files.length + 1);
    for (const [at, file] of files.entries()) {
      const { total, least } = patchSize(file);
      this.#least[at + 1] = (this.#least[at] ?? 0) + least;
      this.#bytes[at + 1] = (this.#bytes[at] ?? 0) + (file.omitted_bytes || total);
      this.#count[at + 1] = (this.#count[at] ?? 0) + (file.omitted_files ?? 1);
    }
  }

  /** Bytes of UTF-8 of the headers. */
  least({ start, end }: Run): number {
    return (this.#least[end] ?? 0) - (this.#least[start] ?? 0);
  }

  leftOut({ start, end }: Run): LeftOut {
    return {
      files: (this.#count[end] ?? 0) - (this.#count[start] ?? 0),
      bytes: (this.#bytes[end] ?? 0) - (this.#bytes[start] ?? 0),
    };
  }
}

/** The bytes of UTF-8 that untracked files take at least, when all of them are left out; 0 when there are none. */
export function leastOfAll(untracked: readonly TreeFile[]): number {
  if (untracked.length === 0) return 0;
  const sums = new Sums(untracked);
  const all = { directory: EVERYTHING, start: 0, end: untracked.length };
  return Math.min(sums.least(all), patchSize(omittedDirectory(EVERYTHING, sums.leftOut(all))).total);
}

/**
 * Leaves out whole directories of untracked files, until the headers of the rest fit: the largest first, of those that are
 * about as large the first by name. When directories below the root are not enough, all are left out together.
 *
 * @param untracked ascending by key
 * @param limit bytes of UTF-8
 * @param before files of the state before: the directories that were left out there go first
 * @returns ascending by key, each directory as one entry
 */
export function leaveOutDirectories(
  untracked: readonly TreeFile[],
  limit: number,
  before: readonly TreeFile[],
): readonly TreeFile[] {
  const sums = new Sums(untracked);
  const all = { directory: EVERYTHING, start: 0, end: untracked.length };
  const wasLeftOut = new Set(before.filter((file) => file.omitted_files !== undefined).map((file) => file.key));
  const rank = (run: Run): number => {
    // by powers of two, so that two directories that are nearly as large do not change places with every file
    return wasLeftOut.has(`u:${run.directory}`) ? 64 : Math.floor(Math.log2(sums.least(run)));
  };
  const ordered = (runs: readonly Run[]): Run[] => runs.toSorted((a, b) => rank(b) - rank(a) || a.start - b.start);

  /** By their first file. */
  const leftOut = new Map<number, LeftOutRun>();
  let least = sums.least(all);
  const leaveOut = (run: Run, inside: readonly LeftOutRun[]): void => {
    const entry = omittedDirectory(run.directory, sums.leftOut(run));
    let saved = sums.least(run) - patchSize(entry).total;
    for (const known of inside) saved -= sums.least(known.run) - patchSize(known.entry).total;
    if (saved <= 0) return;
    for (const known of inside) leftOut.delete(known.run.start);
    leftOut.set(run.start, { run, entry });
    least -= saved;
  };
  const top = topDirectories(untracked);
  const innerOf = new Map(top.map((run) => [run, narrowed(untracked, run)]));
  for (const run of ordered([...innerOf.values()])) if (least > limit) leaveOut(run, []);
  for (const run of ordered(top)) {
    const known = leftOut.get(innerOf.get(run)?.start ?? -1);
    if (least > limit && known?.run !== run) leaveOut(run, known === undefined ? [] : [known]);
  }
  if (least > limit) leaveOut(all, [...leftOut.values()]);
  return replaced(untracked, leftOut);
}

function replaced(files: readonly TreeFile[], leftOut: ReadonlyMap<number, { run: Run; entry: TreeFile }>): TreeFile[] {
  const left: TreeFile[] = [];
  for (let at = 0; at < files.length; ) {
    const known = leftOut.get(at);
    const file = known?.entry ?? files[at];
    if (file !== undefined) left.push(file);
    at = known?.run.end ?? at + 1;
  }
  return left;
}

/** The directories directly below the root that hold any of the files. */
function topDirectories(files: readonly TreeFile[]): Run[] {
  const runs: Run[] = [];
  for (let at = 0; at < files.length; ) {
    const directory = directoryOf(files, at, "");
    const run = directory === undefined ? undefined : runOf(files, directory);
    if (run !== undefined) runs.push(run);
    at = run?.end ?? at + 1;
  }
  return runs;
}

/** The lowest directory that still holds nearly all of the files of a run. */
function narrowed(files: readonly TreeFile[], outer: Run): Run {
  let run = outer;
  for (;;) {
    // what holds more than half of the files holds the one in the middle
    const directory = directoryOf(files, (run.start + run.end) >>> 1, run.directory);
    const inner = directory === undefined ? undefined : runOf(files, directory);
    if (inner === undefined) return run;
    if ((inner.end - inner.start) * 8 < (run.end - run.start) * NEARLY_ALL_EIGHTHS) return run;
    run = inner;
  }
}

/** The directory directly below another one in which a file is; `undefined`: in none. */
function directoryOf(files: readonly TreeFile[], at: number, above: string): string | undefined {
  const path = files[at]?.key.slice(2) ?? "";
  const slash = path.indexOf("/", above.length);
  return slash < 0 ? undefined : path.slice(0, slash + 1);
}

function runOf(files: readonly TreeFile[], directory: string): Run {
  const start = firstFrom(files, `u:${directory}`);
  // `0` is the character behind `/`
  return { directory, start, end: firstFrom(files, `u:${directory.slice(0, -1)}0`) };
}
