import { isBinary } from "./binary.js";
import { withCore } from "./core.js";
import { binaryLine, headerOf, nameLines } from "./header.js";
import type { FilePatch, FilePatchOptions, FileSide } from "./types.js";
import { compareInto } from "./unified.js";

/** The bits of a mode that tell files, symbolic links and submodules apart. */
const KIND_MASK = 0o170000;
const SUBMODULE = 0o160000;

const NO_PATCH: FilePatch = { bytes: new Uint8Array(0), headerLength: 0, additions: 0, deletions: 0, binary: false };
const NO_CONTENT = new Uint8Array(0);

/**
 * The whole patch of one file as `git diff --full-index` prints it, with its headers and its counts. A change of kind
 * (file, symbolic link, submodule) is printed as a deletion and a creation.
 *
 * @param before `null`: the file is new
 * @param after `null`: the file is deleted
 * @param options as for `unifiedHunks`; of two function patterns git takes that of the old path, if it has one. With
 *   `similarity` the patch is a rename
 * @returns a patch without bytes when both sides are the same, or `null`
 * @throws what `content` of a side throws; RangeError as `unifiedHunks` does
 */
export function filePatch(before: FileSide | null, after: FileSide | null, options: FilePatchOptions = {}): FilePatch {
  if (before === null && after === null) return NO_PATCH;
  if (before !== null && after !== null && (before.mode & KIND_MASK) !== (after.mode & KIND_MASK)) {
    return joined(onePatch(before, null, options), onePatch(null, after, options));
  }
  return onePatch(before, after, options);
}

/**
 * The patch of a file whose new content nobody knows: its headers alone, without the `index` line, which names the
 * content. A change of kind is printed as a deletion, which is known, and a creation.
 *
 * @param before `null`: the file is new. Its content is read only where it is of another kind
 * @param after the path and mode of what is there now
 */
export function patchWithoutContent(before: FileSide | null, after: Pick<FileSide, "path" | "mode">): FilePatch {
  if (before !== null && (before.mode & KIND_MASK) !== (after.mode & KIND_MASK)) {
    return joined(onePatch(before, null, {}), patchWithoutContent(null, after));
  }
  // sides with equal ids have no `index` line
  const header = headerOf(before, { ...after, oid: before?.oid ?? "", content: () => NO_CONTENT }, undefined);
  const bytes = Buffer.from(header.lines + nameLines(header), "latin1");
  return { bytes, headerLength: bytes.length, additions: 0, deletions: 0, binary: false };
}

function onePatch(before: FileSide | null, after: FileSide | null, options: FilePatchOptions): FilePatch {
  const similarity = before === null || after === null ? undefined : options.similarity;
  const header = headerOf(before, after, similarity);
  const { oldContent, newContent, binary, changed } = readSides(before, after);
  if (!changed && !header.always) return NO_PATCH;

  const head = header.lines + (changed ? (binary ? binaryLine(header) : nameLines(header)) : "");
  const headerLength = head.length;
  if (binary || !changed) {
    return { bytes: Buffer.from(head, "latin1"), headerLength, additions: 0, deletions: 0, binary: binary && changed };
  }
  return withCore((core) => {
    compareInto(core, oldContent, newContent, options);
    const { additions, deletions } = core;
    return { bytes: core.output(head), headerLength, additions, deletions, binary: false };
  });
}

interface Contents {
  oldContent: Uint8Array;
  newContent: Uint8Array;
  binary: boolean;
  changed: boolean;
}

/** The contents, as far as they have to be read: not when the ids are the same, nor when a side is known to be binary. */
function readSides(before: FileSide | null, after: FileSide | null): Contents {
  const unread = { oldContent: NO_CONTENT, newContent: NO_CONTENT };
  if (sameContent(before, after)) return { ...unread, binary: false, changed: false };
  // the ids tell what the contents would, which may be too large to be read
  if (before?.binary === true || after?.binary === true) {
    return { ...unread, binary: true, changed: differ(before, after) };
  }
  const oldContent = before?.content() ?? NO_CONTENT;
  const newContent = after?.content() ?? NO_CONTENT;
  const binary = (before !== null && isBinary(before, oldContent)) || (after !== null && isBinary(after, newContent));
  return { oldContent, newContent, binary, changed: !sameBytes(oldContent, newContent) };
}

/** Known without reading. A submodule's id says nothing of whether it is dirty. */
function sameContent(before: FileSide | null, after: FileSide | null): boolean {
  return before !== null && before.oid === after?.oid && (before.mode & KIND_MASK) !== SUBMODULE;
}

/** Whether the contents of two sides that are not the same differ: a side that is missing equals an empty one. */
function differ(before: FileSide | null, after: FileSide | null): boolean {
  return (before !== null && after !== null) || !EMPTY_BLOBS.includes((before ?? after)?.oid ?? "");
}

/** The ids of the empty blob, SHA-1 and SHA-256. */
const EMPTY_BLOBS: readonly string[] = [
  "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
  "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
];

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && Buffer.compare(one, other) === 0;
}

function joined(one: FilePatch, other: FilePatch): FilePatch {
  const bytes = new Uint8Array(one.bytes.length + other.bytes.length);
  bytes.set(one.bytes);
  bytes.set(other.bytes, one.bytes.length);
  return {
    bytes,
    headerLength: one.headerLength,
    additions: one.additions + other.additions,
    deletions: one.deletions + other.deletions,
    binary: one.binary && other.binary,
  };
}

/**
 * The line that `git diff --cached` prints for a path with unmerged entries, in place of a patch. `git diff HEAD` has
 * none: it compares HEAD with the file on disk.
 * @param path one character per byte (latin1)
 * @returns the line with its line feed, the path quoted where git quotes it
 */
export function unmergedLine(path: string): Uint8Array {
  return Buffer.from(`* Unmerged path ${path}\n`, "latin1");
}

/**
 * What git compares for a submodule: what a {@link FileSide} of mode 0o160000 gives as its content.
 * @param oid the commit, full hexadecimal: that of the tree or index entry, or the submodule's own HEAD
 * @param dirty whether its working tree has changes of its own
 * @returns one line of ASCII, with its line feed
 */
export function submoduleContent(oid: string, dirty: boolean): Uint8Array {
  return Buffer.from(`Subproject commit ${oid}${dirty ? "-dirty" : ""}\n`, "latin1");
}
