import { lstatSync, readlinkSync } from "node:fs";
import { isAbsent, TreewireError } from "../../util/index.js";
import { absoluteFilePath, bytesOfText, textOfBytes } from "../io/byte-path.js";
import { corrupt, readWhole, unreadable } from "../io/files.js";
import type { Oid } from "../objects/object-id.js";
import { isOid, type ObjectFormat } from "../objects/object-id.js";

/** So many refs are read to find where HEAD leads, HEAD and the one with the object id among them, as in git. */
const MAX_REFS = 5;
/** Times that a ref is read again because HEAD moved meanwhile. */
const MAX_TRIES = 10;

/** Where the refs of one working tree stand. */
export interface RefPlaces {
  /** The working tree's own git directory: HEAD and its private refs. */
  gitDir: string;
  /** The shared one: branches, tags and `packed-refs`. */
  commonDir: string;
  format: ObjectFormat;
}

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

type RefValue = { kind: "direct"; oid: Oid } | { kind: "symbolic"; target: string };

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

function directoryOf(ref: string, places: RefPlaces): string {
  return /^refs\/(bisect|worktree|rewritten)\//.test(ref) ? places.gitDir : places.commonDir;
}

/** A ref's name becomes part of a path, so it stays inside `refs`. */
function isSafeRefName(ref: string): boolean {
  return /^refs\/./.test(ref) && !ref.split("/").some((part) => part === "" || part === "." || part === "..");
}

function sameTarget(a: RefValue | undefined, b: RefValue): boolean {
  return (
    a?.kind === b.kind && (a.kind === "symbolic" ? a.target : a.oid) === (b.kind === "symbolic" ? b.target : b.oid)
  );
}

/** @param path absolute byte path @returns `undefined` when there is no such file. Names are one character per byte */
function readRefFile(path: string, format: ObjectFormat): RefValue | undefined {
  const link = readLink(path);
  if (link !== undefined) return { kind: "symbolic", target: link };
  const bytes = readWhole(absoluteFilePath(path))?.bytes;
  if (bytes === undefined) return undefined;
  const text = bytes.toString("latin1", 0, 4096);
  const symbolic = /^ref:\s*(\S[^\n]*?)\s*$/.exec(text)?.[1];
  if (symbolic !== undefined) return { kind: "symbolic", target: symbolic };
  const oid = /^[0-9a-fA-F]+(?=\s|$)/.exec(text)?.[0].toLowerCase();
  if (oid === undefined || !isOid(oid, format))
    throw corrupt(textOfBytes(path), "neither an object id nor a symbolic ref");
  return { kind: "direct", oid };
}

/** Old repositories have HEAD as a symbolic link into `refs`. */
function readLink(path: string): string | undefined {
  try {
    const file = absoluteFilePath(path);
    if (!lstatSync(file).isSymbolicLink()) return undefined;
    const target = readlinkSync(file, "latin1");
    return target.startsWith("refs/") ? target : undefined;
  } catch (thrown) {
    if (isAbsent(thrown)) return undefined;
    throw unreadable(textOfBytes(path), thrown);
  }
}

/** Format: <https://git-scm.com/docs/git-pack-refs>; a line a ref, `OID SP NAME`. */
function readPackedRef(places: RefPlaces, ref: string): Oid | undefined {
  const path = `${places.commonDir}/packed-refs`;
  const bytes = readWhole(path)?.bytes;
  const at = bytes?.indexOf(` ${ref}\n`, 0, "latin1") ?? -1;
  if (bytes === undefined || at < 0) return undefined;
  const start = bytes.lastIndexOf(0x0a, at) + 1;
  const oid = bytes.toString("latin1", start, at);
  if (!isOid(oid, places.format)) throw corrupt(path, `no object id before ${ref}`);
  return oid;
}
