import { type BytePath, bytesOfText, type HistorySource, isOid, type Oid } from "../git/index.js";

/** Tags of tags are followed no deeper than this. */
const MAX_TAG_DEPTH = 10;

/** What of a repository names are looked up in. */
export type RevisionSource = Pick<HistorySource, "format" | "object" | "ref" | "withPrefix">;

/** A commit, and the ref that it was found by. */
export interface Revision {
  /** The ref's name in full, one character per byte; "" where an object id was given. */
  ref: BytePath;
  /** Of the commit, behind any tag. */
  oid: Oid;
}

/** Where git looks for a name, in this order: <https://git-scm.com/docs/gitrevisions>. */
const PLACES: readonly ((name: BytePath) => BytePath)[] = [
  (name) => name,
  (name) => `refs/${name}`,
  (name) => `refs/tags/${name}`,
  (name) => `refs/heads/${name}`,
  (name) => `refs/remotes/${name}`,
  (name) => `refs/remotes/${name}/HEAD`,
];

/**
 * Finds the commit that a name stands for, as git does: a full object id, then a ref by its full or short name, then an
 * abbreviated id.
 *
 * @param name text
 * @returns `undefined` when there is none, or it leads to no commit
 * @throws TreewireError `TW_CORRUPT_REPOSITORY`, `TW_NOT_FETCHED` when the object is missing
 */
export function findRevision(source: RevisionSource, name: string): Revision | undefined {
  if (isOid(name, source.format)) return commitRevision(source, "", name);
  const bytes = bytesOfText(name === "@" ? "HEAD" : name);
  for (const place of PLACES) {
    const full = place(bytes);
    const found = isRefPlace(full) ? source.ref(full) : undefined;
    if (found?.oid !== undefined) return commitRevision(source, found.ref ?? full, found.oid);
  }
  const oid = findCommit(source, name.toLowerCase());
  return oid === undefined ? undefined : { ref: "", oid };
}

/**
 * The commit whose id begins so.
 *
 * @param prefix lower-case hexadecimal digits, four at least
 * @returns `undefined` when none begins so, or more than one do, tags of one commit aside
 * @throws TreewireError like {@link findRevision}
 */
export function findCommit(source: RevisionSource, prefix: string): Oid | undefined {
  if (isOid(prefix, source.format)) return peel(source, prefix);
  if (!/^[0-9a-f]{4,}$/.test(prefix)) return undefined;
  const commits = source.withPrefix(prefix).flatMap((oid) => peel(source, oid) ?? []);
  const [first, ...others] = new Set(commits);
  return others.length === 0 ? first : undefined;
}

function commitRevision(source: RevisionSource, ref: BytePath, oid: Oid): Revision | undefined {
  const commit = peel(source, oid);
  return commit === undefined ? undefined : { ref, oid: commit };
}

/** The commit that an object is, or that a tag leads to. */
function peel(source: RevisionSource, oid: Oid, depth = 0): Oid | undefined {
  const { type, content } = source.object(oid);
  if (type === "commit") return oid;
  if (type !== "tag" || depth === MAX_TAG_DEPTH) return undefined;
  const tagged = /^object ([0-9a-f]+)\n/.exec(content.toString("latin1", 0, 80))?.[1];
  return tagged === undefined ? undefined : peel(source, tagged, depth + 1);
}

/** A name of one level is a ref in the git directory when it looks like HEAD; other files there are none. */
function isRefPlace(name: BytePath): boolean {
  return name.startsWith("refs/") || /^[A-Z_]+$/.test(name);
}
