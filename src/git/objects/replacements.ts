import { listNames, readWhole } from "../io/files.js";
import type { Oid } from "./object-id.js";
import { isOid, type ObjectFormat } from "./object-id.js";

/** A replacement may be replaced in turn, no deeper than this, as in git. */
const MAX_DEPTH = 5;
const PREFIX = "refs/replace/";

/**
 * Reads which objects replace others: the refs `refs/replace/<object>`, loose ones first. Rules:
 * <https://git-scm.com/docs/git-replace>.
 *
 * @param commonDir absolute
 * @throws TreewireError `TW_PATH_UNREADABLE`
 */
export function readReplacements(commonDir: string, format: ObjectFormat): ReadonlyMap<Oid, Oid> {
  const replacements = new Map<Oid, Oid>();
  const add = (oid: Oid, by: Oid): void => {
    if (isOid(oid, format) && isOid(by, format)) replacements.set(oid, by);
  };
  const packed = readWhole(`${commonDir}/packed-refs`)?.bytes;
  if (packed?.includes(` ${PREFIX}`, 0, "latin1")) {
    for (const [, by = "", oid = ""] of packed.toString("latin1").matchAll(/^([0-9a-f]+) refs\/replace\/(\S+)$/gm)) {
      add(oid, by);
    }
  }
  for (const name of listNames(`${commonDir}/${PREFIX}`)) {
    add(name, readWhole(`${commonDir}/${PREFIX}${name}`)?.bytes.toString("latin1").trim() ?? "");
  }
  return replacements;
}

/** The object that replaces another; the object itself when none does. */
export function replacementOf(oid: Oid, replacements: ReadonlyMap<Oid, Oid>): Oid {
  let current = oid;
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
    const next = replacements.get(current);
    if (next === undefined) return current;
    current = next;
  }
  return current;
}
