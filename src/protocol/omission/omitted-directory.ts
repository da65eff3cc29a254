import type { TreeFile } from "../tree.js";

/** What was left out of a directory. */
export interface LeftOut {
  /** Untracked files, over 0. */
  readonly files: number;
  /** Bytes of UTF-8 that their patches had. */
  readonly bytes: number;
}

/** The directory that stands for all untracked files: no path of a file begins so. */
export const EVERYTHING = "./";

/**
 * The entry that stands for the untracked files of a directory. It looks like the header of a new file, so that programs
 * that read diffs list the directory and go on behind it; nothing would be seen of a line between two patches.
 *
 * @param directory byte path, one byte per character, with a `/` at its end
 */
export function omittedDirectory(directory: string, { files, bytes }: LeftOut): TreeFile {
  const path = textOf(directory);
  const [a, b] = [quoted(`a/${directory}`), quoted(`b/${directory}`)];
  const sentence = `${isPlain(path) ? path : enquoted(directory)}: ${leftOutText(files)}`;
  return {
    key: `u:${directory}`,
    path,
    header: `diff --git ${a} ${b}\nnew file mode 040000\n--- /dev/null\n+++ ${b}\n${sentence}\n`,
    hunks: "",
    additions: 0,
    deletions: 0,
    omitted_bytes: bytes,
    omitted_files: files,
  };
}

/** As people read it: `20,000 untracked files left out`. */
function leftOutText(files: number): string {
  return `${files.toLocaleString("en-US")} untracked ${files === 1 ? "file" : "files"} left out`;
}

/** Whether a line that begins with the path can't be taken for a line of a diff. */
function isPlain(path: string): boolean {
  return /^[^\s\p{C}"\\+\-@][^\s\p{C}"\\]*$/u.test(path);
}

// control characters, the quote, the backslash, DEL, and every byte that is not ASCII (`core.quotePath=true`)
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
const UNUSUAL = /[\0-\x1f"\\\x7f-\xff]/;

/** As git prints a path in a header: in quotes if it has unusual bytes. */
function quoted(path: string): string {
  return UNUSUAL.test(path) ? enquoted(path) : path;
}

function enquoted(path: string): string {
  const escaped = path.replace(new RegExp(UNUSUAL, "g"), (character) => {
    if (character === '"' || character === "\\") return `\\${character}`;
    return `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`;
  });
  return `"${escaped}"`;
}

function textOf(path: string): string {
  return new TextDecoder().decode(Uint8Array.from(path, (character) => character.charCodeAt(0)));
}
