import type { TreeFile, Withheld } from "./tree.js";

/**
 * The `unified_diff` of a tree: its files' patches in the order of the keys, as docs/protocol.md words it.
 *
 * @param files ascending by key; files with `omitted_bytes` keep their header, followed by the line that stands for the
 *   hunks, and those with `filter_not_run` or `withheld` have a line of that
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
  const hunks = lacksHunks(file) ? omittedLine(file.omitted_bytes) : file.hunks;
  return file.header + hunks + lastLines(file);
}

/** Whether it is a file whose hunks were left out; a directory that was left out says so in its header. */
export function lacksHunks(file: TreeFile): boolean {
  return file.omitted_bytes > 0 && file.omitted_files === undefined;
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

/**
 * The files of which something is hidden, as a `changes` frame has them (docs/secrets.md); a field is absent where there are
 * none.
 */
export function secretsOf(files: readonly TreeFile[]): {
  withheld_files?: { path: string; why: Withheld; rule: string }[];
  masked_files?: { path: string; masked: number }[];
} {
  const withheldFiles = files.flatMap(({ path, withheld: why, withheld_rule: rule = "" }) => {
    return why === undefined ? [] : [{ path, why, rule }];
  });
  const maskedFiles = files.flatMap(({ path, masked }) => (masked === undefined ? [] : [{ path, masked }]));
  return {
    ...(withheldFiles.length > 0 && { withheld_files: withheldFiles }),
    ...(maskedFiles.length > 0 && { masked_files: maskedFiles }),
  };
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

/** What stands behind the hunks, or for them, of a file that is withheld or whose filter was not run; else "". */
export function lastLines({ withheld, filter_not_run: name }: TreeFile): string {
  const secret = withheld === undefined ? "" : withheldLine(withheld);
  return name === undefined ? secret : secret + filterNotRunLine(name);
}

/** The line that stands for the hunks of a file that is withheld. */
function withheldLine(why: Withheld): string {
  return why === "time" ? "Withheld: not looked through for secrets in time\n" : "Withheld: looks like a secret\n";
}

/** The line that stands for hunks that were left out. @param bytes of the hunks */
export function omittedLine(bytes: number): string {
  return `File diff too large to show. Diff size: ${formatBytes(bytes)}\n`;
}
