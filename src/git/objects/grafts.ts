import { readWhole } from "../io/files.js";
import { isOid, type ObjectFormat, type Oid } from "./object-id.js";

/** The commits whose parents are others than they say. */
export interface Grafts {
  /** By commit; none at all where history is cut off. */
  readonly parents: ReadonlyMap<Oid, readonly Oid[]>;
  /** The commits at which the history of a shallow clone is cut off. */
  readonly shallow: ReadonlySet<Oid>;
}

/**
 * Reads where a shallow clone ends (`shallow`), and the parents that somebody gave to commits (`info/grafts`, which git
 * advises against and follows). Rules: <https://git-scm.com/docs/gitrepository-layout>.
 *
 * @param commonDir absolute
 * @throws TreewireError `TW_PATH_UNREADABLE`
 */
export function readGrafts(commonDir: string, format: ObjectFormat): Grafts {
  const parents = new Map<Oid, readonly Oid[]>();
  for (const line of linesOf(`${commonDir}/info/grafts`)) {
    const [commit, ...others] = line.split(" ");
    if (commit === undefined || ![commit, ...others].every((oid) => isOid(oid, format))) continue;
    if (!parents.has(commit)) parents.set(commit, others);
  }
  const shallow = new Set(linesOf(`${commonDir}/shallow`).filter((oid) => isOid(oid, format)));
  for (const oid of shallow) parents.set(oid, []);
  return { parents, shallow };
}

function linesOf(path: string): string[] {
  const text = readWhole(path)?.bytes.toString("latin1") ?? "";
  return text.split("\n").map((line) => line.trimEnd());
}
