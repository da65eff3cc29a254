import type { TreeFile } from "../../protocol/index.js";

/** A version of a file: the id of its blob, and where it is on disk, if its bytes are to be read there. */
export interface BlobPlace {
  readonly oid: string;
  /** Byte path; `undefined`: it is an object. */
  readonly path: string | undefined;
}

/**
 * One side of a file, by the ids that its header names: nothing else of a repository is given out.
 *
 * @param endsOnDisk whether the new side is the file on disk
 * @returns `undefined` where the header names none: of a file that was only renamed or made executable, of a side that is not
 *   there, and of a submodule
 */
export function sideOf(file: TreeFile, side: "old" | "new", endsOnDisk: boolean): BlobPlace | undefined {
  const [, before, after] = /^index ([0-9a-f]{40,64})\.\.([0-9a-f]{40,64})/m.exec(file.header) ?? [];
  const oid = side === "old" ? before : after;
  const isSubmodule = /^(index .* 160000|(old|new|deleted file|new file) mode 160000)$/m.test(file.header);
  if (oid === undefined || isSubmodule || /^0+$/.test(oid)) return undefined;
  const path = file.key.slice(file.key.indexOf(":") + 1);
  return { oid, path: side === "new" && endsOnDisk ? path : undefined };
}
