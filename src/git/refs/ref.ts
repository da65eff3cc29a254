import { type BytePath, bytesOfText } from "../io/byte-path.js";
import type { HeadRef } from "./head.js";
import { directoryOf, isSafeRefName, MAX_REFS, type RefPlaces, readPackedRef, readRefFile } from "./ref-files.js";

/** HEAD and its like (`FETCH_HEAD`, `ORIG_HEAD`), which stand beside `refs`. */
const ROOT_REF = /^[A-Z_]+$/;

/**
 * Reads a ref: the loose file first, `packed-refs` after, through the names that it leads to.
 *
 * @param name in full, one character per byte
 * @returns `undefined` when there is none, or it leads to none: its last name and its object id otherwise
 * @throws TreewireError `TW_CORRUPT_REPOSITORY` naming the file, `TW_PATH_UNREADABLE`
 */
export function readRef(places: RefPlaces, name: BytePath): HeadRef | undefined {
  const last = follow(places, name).at(-1);
  return last?.oid === undefined ? undefined : last;
}

/**
 * The files that decide what a ref is, `packed-refs` aside: absolute byte paths, those that are not there, too.
 * @param name in full, one character per byte
 */
export function refFiles(places: RefPlaces, name: BytePath): BytePath[] {
  return follow(places, name).map(({ ref }) => fileOf(ref, places));
}

/** The names that a ref leads to, itself first; the last one with the object id, if it has one. */
function follow(places: RefPlaces, name: BytePath): { ref: BytePath; oid: string | undefined }[] {
  const chain: { ref: BytePath; oid: string | undefined }[] = [];
  let ref = name;
  while (chain.length < MAX_REFS && (isSafeRefName(ref) || ROOT_REF.test(ref))) {
    const value = readRefFile(fileOf(ref, places), places.format);
    const oid = value === undefined ? readPackedRef(places, ref) : value.kind === "direct" ? value.oid : undefined;
    chain.push({ ref, oid });
    if (value?.kind !== "symbolic") break;
    ref = value.target;
  }
  return chain;
}

function fileOf(ref: BytePath, places: RefPlaces): BytePath {
  return `${bytesOfText(ROOT_REF.test(ref) ? places.gitDir : directoryOf(ref, places))}/${ref}`;
}
