import { lstatSync, readlinkSync } from "node:fs";
import { isAbsent } from "../../util/index.js";
import { absoluteFilePath, textOfBytes } from "../io/byte-path.js";
import { corrupt, readWhole, unreadable } from "../io/files.js";
import type { Oid } from "../objects/object-id.js";
import { isOid, type ObjectFormat } from "../objects/object-id.js";

/** So many refs are read to find where HEAD leads, HEAD and the one with the object id among them, as in git. */
export const MAX_REFS = 5;

/** Where the refs of one working tree stand. */
export interface RefPlaces {
  /** The working tree's own git directory: HEAD and its private refs. */
  gitDir: string;
  /** The shared one: branches, tags and `packed-refs`. */
  commonDir: string;
  format: ObjectFormat;
}

/** What a ref's file says. Names are one character per byte. */
export type RefValue = { kind: "direct"; oid: Oid } | { kind: "symbolic"; target: string };

/** The git directory that a ref is in: some belong to one working tree alone. */
export function directoryOf(ref: string, places: RefPlaces): string {
  return /^refs\/(bisect|worktree|rewritten)\//.test(ref) ? places.gitDir : places.commonDir;
}

/** A ref's name becomes part of a path, so it stays inside `refs`. */
export function isSafeRefName(ref: string): boolean {
  return /^refs\/./.test(ref) && !ref.split("/").some((part) => part === "" || part === "." || part === "..");
}

/**
 * @param path absolute byte path
 * @returns `undefined` when there is no such file
 * @throws TreewireError `TW_CORRUPT_REPOSITORY` naming the file
 */
export function readRefFile(path: string, format: ObjectFormat): RefValue | undefined {
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
export function readPackedRef(places: RefPlaces, ref: string): Oid | undefined {
  const path = `${places.commonDir}/packed-refs`;
  const bytes = readWhole(path)?.bytes;
  const at = bytes?.indexOf(` ${ref}\n`, 0, "latin1") ?? -1;
  if (bytes === undefined || at < 0) return undefined;
  const start = bytes.lastIndexOf(0x0a, at) + 1;
  const oid = bytes.toString("latin1", start, at);
  if (!isOid(oid, places.format)) throw corrupt(path, `no object id before ${ref}`);
  return oid;
}
