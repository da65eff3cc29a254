import {
  type FileChanges,
  TREE_MESSAGE_PART_BYTES,
  type TreeFile,
  type TreeMessage,
  type TreeMeta,
} from "../../protocol/index.js";
import { fittingPrefix, jsonBytes } from "./json-size.js";

/** What all parts of an update say alike. */
export type UpdateHead = Pick<TreeMessage, "root" | "compare" | "epoch" | "seq" | "base" | "meta">;

/** Texts of a file, or slices of them. */
type Texts = Pick<TreeFile, "header" | "hunks">;

/** The names of `rest` and its fields, and the digits of a part's number. */
const MARGIN_BYTES = 64;
/** A slice of a file's texts has room for so many bytes at least, whatever stands beside it. */
const MIN_SLICE_BYTES = 4 * 1024;

/**
 * Splits one update into parts that are frames of at most {@link TREE_MESSAGE_PART_BYTES}. Only what an update says once,
 * in one text (a branch's name, say), may make the part that has it larger. The same update is split the same way each time, so
 * that it can be gone on with behind the parts that have arrived.
 *
 * @param head what all parts share. Its `meta` goes with the last part; the others have nothing but the time of it
 * @param changes ascending by key
 * @param cutsFiles a file that is longer than a part goes in several. Without that it travels whole, in a part of its own
 */
export function* treeMessages(
  head: UpdateHead,
  changes: FileChanges,
  cutsFiles: boolean,
): Generator<TreeMessage, void> {
  const early = { ...head, meta: timeOf(head.meta) };
  const room = TREE_MESSAGE_PART_BYTES - MARGIN_BYTES - jsonBytes(messageOf(early, 0, new Part(), true));
  let count = 0;
  let part = new Part();
  const full = (): TreeMessage => {
    const message = messageOf(early, count, part, true);
    count += 1;
    part = new Part();
    return message;
  };

  for (const [key, file] of changes) {
    if (file !== undefined) continue;
    const bytes = jsonBytes(key) + 1;
    if (!part.isEmpty && part.bytes + bytes > room) yield full();
    part.removes.push(key);
    part.bytes += bytes;
  }
  for (const file of changes.values()) {
    if (file === undefined) continue;
    const isLong = file.header.length + file.hunks.length > room; // each unit is a byte at least
    const bytes = isLong ? Number.POSITIVE_INFINITY : jsonBytes(file) + 1;
    if (!part.isEmpty && part.bytes + bytes > room) yield full();
    if (bytes <= room || !cutsFiles) {
      part.upserts.push(file);
      part.bytes += bytes;
      continue;
    }
    const named = jsonBytes({ ...file, header: "", hunks: "" }) + 1;
    let isFirst = true;
    for (const { texts, bytes } of slices(file, Math.max(room - named, MIN_SLICE_BYTES), room)) {
      if (!isFirst) yield full();
      if (isFirst) part.upserts.push({ ...file, ...texts });
      else part.rest = texts;
      part.bytes = bytes + (isFirst ? named : 0);
      isFirst = false;
    }
  }
  if (!part.isEmpty && part.bytes + jsonBytes(head.meta) > room + jsonBytes(early.meta)) yield full();
  yield messageOf(head, count, part, false);
}

/** What a part has beside the head. */
class Part {
  rest: Texts | undefined;
  readonly upserts: TreeFile[] = [];
  readonly removes: string[] = [];
  /** Of JSON. */
  bytes = 0;

  get isEmpty(): boolean {
    return this.bytes === 0;
  }
}

function messageOf(head: UpdateHead, part: number, { rest, upserts, removes }: Part, more: boolean): TreeMessage {
  return { type: "tree", ...head, part, ...(rest !== undefined && { rest }), upserts, removes, more };
}

/** The texts of a file in pieces. @param firstRoom bytes of JSON that the first may have @param room each of the others */
function* slices({ header, hunks }: Texts, firstRoom: number, room: number) {
  const at = { header: 0, hunks: 0 };
  for (let left = firstRoom; at.header < header.length || at.hunks < hunks.length; left = room) {
    const inHeader = fittingPrefix(header, at.header, left);
    const isHeaderDone = inHeader.end === header.length;
    const inHunks = fittingPrefix(hunks, at.hunks, isHeaderDone ? left - inHeader.bytes : 0);
    const texts = { header: header.slice(at.header, inHeader.end), hunks: hunks.slice(at.hunks, inHunks.end) };
    yield { texts, bytes: inHeader.bytes + inHunks.bytes };
    at.header = inHeader.end;
    at.hunks = inHunks.end;
  }
}

function timeOf({ scanned_at }: TreeMeta): TreeMeta {
  return { head: "", branch: "", remote_origin: "", scanned_at, health: "", too_large_bytes: 0 };
}
