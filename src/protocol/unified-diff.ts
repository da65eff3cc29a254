import { MAX_UNIFIED_DIFF_BYTES } from "./limits.js";
import type { TreeFile } from "./tree.js";

/**
 * The `unified_diff` of a tree: its files' patches in the order of the keys, as docs/protocol.md words it.
 *
 * @param files ascending by key; files with `omitted_bytes` keep their header, followed by the line that stands for the
 *   hunks, and those with `filter_not_run` have a line of that
 * @param tooLargeBytes over 0: not even the headers fit, and the text is Coder's sentence about that many bytes
 */
export function unifiedDiff(files: readonly TreeFile[], tooLargeBytes = 0): string {
  if (tooLargeBytes > 0) {
    return `Total diff too large to show. Size: ${formatBytes(tooLargeBytes)}. Showing branch and remote only.`;
  }
  return files.map(patchText).join("");
}

/** One file's part of {@link unifiedDiff}. */
export function patchText(file: TreeFile): string {
  const hunks = file.omitted_bytes > 0 ? omittedLine(file.omitted_bytes) : file.hunks;
  return file.header + hunks + filterLine(file);
}

/** The line that stands for what a filter would have made of a file. @param name without control characters */
export function filterNotRunLine(name: string): string {
  return `Filter not run: ${name}\n`;
}

/** The files whose filter was not run, as a `changes` frame has them; the field is absent where there are none. */
export function filtersNotRun(files: readonly TreeFile[]): { filters_not_run?: { path: string; filter: string }[] } {
  const listed = files.flatMap(({ path, filter_not_run: filter }) => (filter === undefined ? [] : [{ path, filter }]));
  return listed.length === 0 ? {} : { filters_not_run: listed };
}

/** What {@link fitToLimit} left of a tree. */
export interface FittedFiles {
  /** In the order given; the same objects where nothing was left out. */
  files: readonly TreeFile[];
  /** Bytes of UTF-8 of the whole diff when not even the headers fit; then `files` is empty. 0 otherwise. */
  tooLargeBytes: number;
}

/**
 * Leaves out hunks until {@link unifiedDiff} fits: of the largest patch first, of equal ones the later first
 * (docs/protocol.md, "unified_diff"). A file whose hunks are left out gives the same object on every call, so that consecutive
 * states of a tree can be compared by identity.
 *
 * @param files complete, ascending by key
 * @param limit bytes of UTF-8 that the text may have
 */
export function fitToLimit(files: readonly TreeFile[], limit = MAX_UNIFIED_DIFF_BYTES): FittedFiles {
  // A UTF-16 unit is 3 bytes of UTF-8 at most: nearly every tree is let through here, without counting bytes.
  let units = 0;
  for (const file of files) units += file.header.length + file.hunks.length + filterLine(file).length;
  if (units * 3 <= limit) return { files, tooLargeBytes: 0 };

  let total = 0;
  for (const file of files) total += patchSize(file).total;
  if (total <= limit) return { files, tooLargeBytes: 0 };

  const whole = total;
  const left = [...files];
  const largestFirst = [...files.keys()].sort((a, b) => sizeAt(files, b) - sizeAt(files, a) || b - a);
  for (const position of largestFirst) {
    if (total <= limit) break;
    const file = files[position];
    if (file === undefined) continue;
    const { hunks } = patchSize(file);
    const saved = hunks - omittedLine(hunks).length;
    if (saved <= 0) continue; // no hunks, or shorter than the line that would stand for them
    left[position] = withoutHunks(file, hunks);
    total -= saved;
  }
  return total <= limit ? { files: left, tooLargeBytes: 0 } : { files: [], tooLargeBytes: whole };
}

/**
 * Bytes as people read them, in powers of 1024: one decimal below ten (`1.2 MiB`), none above (`12 MiB`), as Coder's
 * sentences have them (the format of <https://pkg.go.dev/github.com/dustin/go-humanize#IBytes>).
 */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  if (bytes < 10) return `${bytes} B`;
  const exponent = Math.min(Math.floor(Math.log(bytes) / Math.log(1024)), units.length - 1);
  const value = Math.floor((bytes / 1024 ** exponent) * 10 + 0.5) / 10;
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${units[exponent]}`;
}

/** How many bytes of UTF-8 a text takes; a lone surrogate counts as U+FFFD, three bytes. Works in browsers too. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let position = 0; position < text.length; position += 1) {
    const unit = text.charCodeAt(position);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else bytes += 2;
    if (unit >= 0xd800 && unit < 0xdc00) {
      const next = text.charCodeAt(position + 1);
      if (next >= 0xdc00 && next < 0xe000) position += 1; // four bytes for the two units
    }
  }
  return bytes;
}

function filterLine({ filter_not_run: name }: TreeFile): string {
  return name === undefined ? "" : filterNotRunLine(name);
}

function omittedLine(bytes: number): string {
  return `File diff too large to show. Diff size: ${formatBytes(bytes)}\n`;
}

interface PatchSize {
  hunks: number;
  total: number;
}

/** Counted once a file: a state shares its unchanged files with the one before it. */
const sizes = new WeakMap<TreeFile, PatchSize>();
const shortened = new WeakMap<TreeFile, TreeFile>();

function patchSize(file: TreeFile): PatchSize {
  let size = sizes.get(file);
  if (size === undefined) {
    const hunks = utf8Length(file.hunks);
    const omitted = file.omitted_bytes > 0 ? omittedLine(file.omitted_bytes).length : 0;
    size = { hunks, total: utf8Length(file.header) + hunks + omitted + utf8Length(filterLine(file)) };
    sizes.set(file, size);
  }
  return size;
}

function sizeAt(files: readonly TreeFile[], position: number): number {
  const file = files[position];
  return file === undefined ? 0 : patchSize(file).total;
}

function withoutHunks(file: TreeFile, omittedBytes: number): TreeFile {
  let short = shortened.get(file);
  if (short === undefined) {
    short = { ...file, hunks: "", omitted_bytes: omittedBytes };
    shortened.set(file, short);
  }
  return short;
}
