import { TreewireError } from "../../util/index.js";
import { bytesOfText, textOfBytes } from "../io/byte-path.js";
import { corrupt } from "../io/files.js";
import type { ObjectFormat, Oid } from "../objects/object-id.js";
import {
  directoryOf,
  isSafeRefName,
  MAX_REFS,
  type RefPlaces,
  type RefValue,
  readPackedRef,
  readRefFile,
} from "./ref-files.js";

/** Times that a ref is read again because HEAD moved meanwhile. */
const MAX_TRIES = 10;

/** What HEAD names, before any object is looked at. */
export interface HeadRef {
  /** The full name of the ref that HEAD ends at; `undefined` when detached. */
  ref: string | undefined;
  /** `undefined`: the branch is unborn. */
  oid: Oid | undefined;
}

/**
 * Reads HEAD and the ref it points to: loose refs first, `packed-refs` after, so that a ref which is packed meanwhile
 * is found in one of them. (isomorphic-git reads them the other way round and can answer with an old value.)
 *
 * @throws TreewireError `TW_CORRUPT_REPOSITORY` naming the file
 */
export function readHead(places: RefPlaces): HeadRef {
  for (let tries = 0; ; tries += 1) {
    const head = followHead(places);
    if (head.oid !== undefined || tries === MAX_TRIES) return head;
    // HEAD may have moved, and the branch may have gone, between the two reads.
    if (sameTarget(readRefFile(bytesOfText(`${places.gitDir}/HEAD`), places.format), head.first)) return head;
  }
}

/**
 * HEAD and each ref that it leads to, one after the other: a change of any of these can move it.
 * @returns absolute byte paths of the loose files, those that are not there too; the last one's name as well, `undefined`
 *   when HEAD is detached. What can't be read ends the chain
 */
export function headChain(places: RefPlaces): { files: string[]; ref: string | undefined } {
  const files = [bytesOfText(`${places.gitDir}/HEAD`)];
  let ref: string | undefined;
  while (files.length <= MAX_REFS) {
    const value = tryReadRefFile(files.at(-1) ?? "", places.format);
    if (value?.kind !== "symbolic" || !isSafeRefName(value.target)) break;
    ref = value.target;
    files.push(`${bytesOfText(directoryOf(ref, places))}/${ref}`);
  }
  return { files, ref };
}

function tryReadRefFile(path: string, format: ObjectFormat): RefValue | undefined {
  try {
    return readRefFile(path, format);
  } catch (thrown) {
    if (thrown instanceof TreewireError) return undefined;
    throw thrown;
  }
}

function followHead(places: RefPlaces): HeadRef & { first: RefValue } {
  const headPath = bytesOfText(`${places.gitDir}/HEAD`);
  const first = readRefFile(headPath, places.format);
  if (first === undefined) throw corrupt(textOfBytes(headPath), "missing");
  let value: RefValue = first;
  let ref: string | undefined;
  for (let depth = 0; value.kind === "symbolic"; depth += 1) {
    if (depth === MAX_REFS - 1) throw corrupt(textOfBytes(headPath), "its symbolic refs go too deep");
    ref = value.target;
    if (!isSafeRefName(ref)) throw corrupt(textOfBytes(headPath), "it points outside refs");
    const loose = readRefFile(`${bytesOfText(directoryOf(ref, places))}/${ref}`, places.format);
    if (loose === undefined) return { ref, oid: readPackedRef(places, ref), first };
    value = loose;
  }
  return { ref, oid: value.oid, first };
}

function sameTarget(a: RefValue | undefined, b: RefValue): boolean {
  return (
    a?.kind === b.kind && (a.kind === "symbolic" ? a.target : a.oid) === (b.kind === "symbolic" ? b.target : b.oid)
  );
}
