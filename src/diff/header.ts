import { quotePath } from "./quote.js";
import type { FileSide } from "./types.js";

const NO_FILE = "/dev/null";

/** The lines before the first hunk, one character per byte. */
export interface Header {
  /** From `diff --git` to the `index` line. */
  readonly lines: string;
  /** Whether the lines are printed even if the content is the same. */
  readonly always: boolean;
  /** The two names as they stand behind `---` and `+++`. */
  readonly oldName: string;
  readonly newName: string;
}

/**
 * The header of one file's patch. At least one side is there; with both, they are of one kind.
 * @param similarity in hundredths, when the two sides are a rename
 */
export function headerOf(before: FileSide | null, after: FileSide | null, similarity: number | undefined): Header {
  const oldPath = (before ?? after)?.path ?? "";
  const newPath = (after ?? before)?.path ?? "";
  const oldName = quotePath(`a/${oldPath}`);
  const newName = quotePath(`b/${newPath}`);
  const lines = [`diff --git ${oldName} ${newName}`];
  if (before === null) lines.push(`new file mode ${octal(after)}`);
  else if (after === null) lines.push(`deleted file mode ${octal(before)}`);
  else if (before.mode !== after.mode) lines.push(`old mode ${octal(before)}`, `new mode ${octal(after)}`);
  if (similarity !== undefined) {
    lines.push(
      `similarity index ${similarity}%`,
      `rename from ${quotePath(oldPath)}`,
      `rename to ${quotePath(newPath)}`,
    );
  }
  const always = lines.length > 1;
  const index = indexLine(before, after);
  if (index !== undefined) lines.push(index);
  return {
    lines: `${lines.join("\n")}\n`,
    always,
    oldName: before === null ? NO_FILE : oldName,
    newName: after === null ? NO_FILE : newName,
  };
}

/** The lines `---` and `+++`; a tab ends a name that has a space, so that `patch` sees where it ends. */
export function nameLines({ oldName, newName }: Header): string {
  return `--- ${withTab(oldName)}\n+++ ${withTab(newName)}\n`;
}

/** What is printed in place of hunks when the content is binary. */
export function binaryLine({ oldName, newName }: Header): string {
  return `Binary files ${oldName} and ${newName} differ\n`;
}

function withTab(name: string): string {
  return name.includes(" ") ? `${name}\t` : name;
}

function indexLine(before: FileSide | null, after: FileSide | null): string | undefined {
  const oldOid = before?.oid ?? zeros(after);
  const newOid = after?.oid ?? zeros(before);
  if (oldOid === newOid) return undefined;
  const mode = before?.mode === after?.mode ? ` ${octal(after)}` : "";
  return `index ${oldOid}..${newOid}${mode}`;
}

function zeros(other: FileSide | null): string {
  return "0".repeat(other?.oid.length ?? 0);
}

function octal(side: FileSide | null): string {
  return (side?.mode ?? 0).toString(8).padStart(6, "0");
}
