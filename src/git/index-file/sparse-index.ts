import type { BytePath } from "../io/byte-path.js";
import { MODE_TREE } from "../objects/git-object.js";
import type { ObjectFormat, Oid } from "../objects/object-id.js";
import type { ObjectStore } from "../objects/object-store.js";
import { readTree } from "../objects/tree-object.js";
import { FIELD, FLAG_SKIP_WORKTREE, type IndexEntries } from "./index-entries.js";

/**
 * Puts, in place of each directory that a sparse index holds as one entry, the files of its tree: all marked
 * skip-worktree, none with stat data. Format: <https://git-scm.com/docs/index-format#_sparse_directory_entries>.
 *
 * @returns `entries` itself when there is no such directory
 * @throws TreewireError `TW_CORRUPT_REPOSITORY` when a tree is missing or damaged
 */
export function expandSparseIndex(entries: IndexEntries, objects: ObjectStore, format: ObjectFormat): IndexEntries {
  const directories: number[] = [];
  for (let position = 0; position < entries.count; position += 1) {
    if (entries.bytes.readUInt32BE((entries.starts[position] ?? 0) + FIELD.mode) === MODE_TREE)
      directories.push(position);
  }
  if (directories.length === 0) return entries;
  const files = directories.map((position) => {
    const start = (entries.starts[position] ?? 0) + FIELD.oid;
    const path = entries.pathBytes.toString("latin1", entries.pathStarts[position], entries.pathEnds[position]);
    return [...filesOf(objects, format, entries.bytes.toString("hex", start, start + format.bytes), path)];
  });
  return insertFiles(entries, directories, files, format);
}

interface SparseFile {
  path: BytePath;
  mode: number;
  oid: Oid;
}

function* filesOf(objects: ObjectStore, format: ObjectFormat, tree: Oid, prefix: BytePath): Generator<SparseFile> {
  for (const { name, mode, oid } of readTree(objects, tree, format)) {
    if (mode === MODE_TREE) yield* filesOf(objects, format, oid, `${prefix}${name}/`);
    else yield { path: prefix + name, mode, oid };
  }
}

function insertFiles(
  entries: IndexEntries,
  directories: readonly number[],
  files: readonly SparseFile[][],
  format: ObjectFormat,
): IndexEntries {
  const added = files.reduce((sum, list) => sum + list.length, 0);
  const count = entries.count - directories.length + added;
  const width = FIELD.oid + format.bytes;
  const addedBytes = Buffer.alloc(added * width);
  const paths = Buffer.from(
    files
      .flat()
      .map(({ path }) => path)
      .join(""),
    "latin1",
  );
  const result: IndexEntries = {
    count: 0,
    bytes: Buffer.concat([entries.bytes, addedBytes]),
    pathBytes: Buffer.concat([entries.pathBytes, paths]),
    starts: new Uint32Array(count),
    flags: new Uint32Array(count),
    pathStarts: new Uint32Array(count),
    pathEnds: new Uint32Array(count),
  };
  const push = (start: number, flags: number, pathStart: number, pathEnd: number): void => {
    result.starts[result.count] = start;
    result.flags[result.count] = flags;
    result.pathStarts[result.count] = pathStart;
    result.pathEnds[result.count] = pathEnd;
    result.count += 1;
  };
  let start = entries.bytes.length;
  let pathStart = entries.pathBytes.length;
  let directory = 0;
  for (let position = 0; position < entries.count; position += 1) {
    if (position !== directories[directory]) {
      const { starts, flags, pathStarts, pathEnds } = entries;
      push(starts[position] ?? 0, flags[position] ?? 0, pathStarts[position] ?? 0, pathEnds[position] ?? 0);
      continue;
    }
    for (const { path, mode, oid } of files[directory] ?? []) {
      result.bytes.writeUInt32BE(mode, start + FIELD.mode);
      result.bytes.write(oid, start + FIELD.oid, "hex");
      push(start, FLAG_SKIP_WORKTREE, pathStart, pathStart + path.length);
      start += width;
      pathStart += path.length;
    }
    directory += 1;
  }
  return result;
}
