import { type FileChanges, findFile, type TreeFile } from "../../../protocol/index.js";
import { changeBytes, fileBytes } from "../../budgets/cost.js";
import { type EntryCount, isNamed, patchUnits } from "../encoding/repository-entry.js";

/** What a list of files adds up to. It follows a list's changes, so that an edit counts the files that it changes alone. */
export interface FilesCount extends EntryCount {
  /** UTF-16 units of headers and hunks: what the diff has. */
  readonly units: number;
  /** UTF-16 units of keys and paths. */
  readonly nameUnits: number;
  /** By the estimate of budgets/cost.ts. */
  readonly bytes: number;
  /** Changed files, those of directories that were left out among them. */
  readonly files: number;
  /** Lines, as far as agents count them. */
  readonly additions: number;
  readonly deletions: number;
}

export function countFiles(files: readonly TreeFile[]): FilesCount {
  const count = { units: 0, shownUnits: 0, named: 0, nameUnits: 0, bytes: 0, files: 0, additions: 0, deletions: 0 };
  for (const file of files) add(count, file, 1);
  return count;
}

/** @param count of `before` @param changes of it @returns the count of the list that they lead to */
export function countAfter(count: FilesCount, before: readonly TreeFile[], changes: FileChanges): FilesCount {
  const after = { ...count };
  for (const [key, file] of changes) {
    const old = findFile(before, key);
    if (old !== undefined) add(after, old, -1);
    if (file !== undefined) add(after, file, 1);
  }
  return after;
}

/** What the changes that travel with a state cost beside its files, in bytes. */
export function countChanges(changes: FileChanges | undefined): number {
  let bytes = 0;
  for (const [key, file] of changes ?? []) bytes += changeBytes(file === undefined ? key : undefined);
  return bytes;
}

function add(count: { -readonly [K in keyof FilesCount]: number }, file: TreeFile, sign: 1 | -1): void {
  count.units += sign * (file.header.length + file.hunks.length);
  count.shownUnits += sign * patchUnits(file);
  if (isNamed(file)) count.named += sign;
  count.nameUnits += sign * (file.key.length + file.path.length);
  count.bytes += sign * fileBytes(file);
  count.files += sign * (file.omitted_files ?? 1);
  count.additions += sign * file.additions;
  count.deletions += sign * file.deletions;
}
