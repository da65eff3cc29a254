/** The file in the root of a tree by which its authors withhold more files: {@link readTreewireFile}. */
export const TREEWIRE_FILE = ".treewire";

/** No more of it is read, in bytes. */
export const MAX_TREEWIRE_FILE_BYTES = 64 * 1024;
/** So many patterns count, and each may be so long: every one is compared with every file that changes. */
const MAX_PATTERNS = 200;
const MAX_PATTERN_UNITS = 200;

/**
 * Reads a `.treewire` file: lines of `secrets-deny GLOB`, empty lines, and comments after `#` at a line's beginning. Other
 * lines are left to later versions. The file may be written by a program that its owner does not trust, so that nothing in
 * it lets anything through (docs/secrets.md, "Globs").
 *
 * @returns the patterns, in order
 */
export function readTreewireFile(text: string): string[] {
  const patterns: string[] = [];
  for (const line of text.slice(0, MAX_TREEWIRE_FILE_BYTES).split(/\r?\n/)) {
    const [word = "", ...rest] = line.trim().split(/\s+/);
    const pattern = rest.join(" ");
    if (word !== "secrets-deny" || pattern === "" || pattern.length > MAX_PATTERN_UNITS) continue;
    patterns.push(pattern);
    if (patterns.length === MAX_PATTERNS) break;
  }
  return patterns;
}
