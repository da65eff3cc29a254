/** What a working tree is to be compared with. */
export type ComparisonRequest =
  | { kind: "head" }
  | { kind: "base" }
  /** The best common ancestor of HEAD and a ref. */
  | { kind: "ref"; name: string }
  /** A commit and its first parent, the working tree aside. */
  | { kind: "commit"; oid: string };

/** What a tree is compared with when nobody says. */
export const HEAD_COMPARISON = "head";

/** Longer names are no refs: git keeps them in files. */
const MAX_NAME_CHARACTERS = 1024;

/** What a comparison other than HEAD's was found to be (docs/protocol.md, "Comparisons"). */
export interface ComparisonMeta {
  /** What is shown: `head` as well where there is a `reason`. */
  kind: ComparisonRequest["kind"];
  /** The short name of the ref that was asked for or found; "" of `head` and `commit`. */
  base_ref: string;
  /** The commit on the left, full hexadecimal; "" for the empty tree, and of `head`. */
  base_oid: string;
  /** Commits of HEAD that the ref has not, and the other way round, as it was last fetched. */
  ahead: number;
  behind: number;
  /** Why it is HEAD although something else was asked for, in words for people. */
  reason?: string;
}

/** One commit of a list. */
export interface CommitEntry {
  /** Full hexadecimal, as are those of its `parents`. */
  oid: string;
  parents: string[];
  subject: string;
  body: string;
  author: { name: string; email: string /** UTC, RFC 3339. */; at: string };
  /** What it changed against its first parent; absent where it changed too much to be counted. Lines. */
  files?: number;
  additions?: number;
  deletions?: number;
}

/** What is said of a comparison besides its files; nothing of all of them where it is HEAD's. */
export interface ComparedFields {
  /** What the tree was found to be compared with; absent where that is HEAD as it is asked for. */
  compare?: ComparisonMeta;
  /** There with `compare`: the commits that it is made of, along first parents, the newest first. */
  commits?: CommitEntry[];
  /** There with `compare`: whether there are more. */
  commits_truncated?: boolean;
}

/** Those fields, without the others of what has them. */
export function comparedFields({ compare, commits, commits_truncated }: ComparedFields): ComparedFields {
  if (compare === undefined) return {};
  return { compare, commits: commits ?? [], commits_truncated: commits_truncated ?? false };
}

/** Whether two say the same. */
export function sameCompared(a: ComparedFields, b: ComparedFields): boolean {
  if (a.compare === undefined && b.compare === undefined) return true;
  const isSame = JSON.stringify(a.compare) === JSON.stringify(b.compare) && a.commits_truncated === b.commits_truncated;
  return isSame && (a.commits === b.commits || JSON.stringify(a.commits) === JSON.stringify(b.commits));
}

/**
 * Names a tree that is compared in a map that has trees by their roots, which begin with `/`.
 *
 * @param compare with what; `undefined`: HEAD, and the name is the root
 */
export function treeKey(root: string, compare: string | undefined): string {
  return compare === undefined ? root : `${compare} ${root}`;
}

/** The tree that {@link treeKey} names so. */
export function treeOfKey(key: string): { root: string; compare?: string } {
  const end = key.indexOf(" ");
  return key.startsWith("/") || end < 0 ? { root: key } : { root: key.slice(end + 1), compare: key.slice(0, end) };
}

/**
 * Reads `head`, `base`, `ref:NAME` or `commit:OID`, as commands and URLs have it.
 *
 * @returns `undefined` for anything else: another word, a name that git allows no ref to have, an id that is none (4 to 64
 *   hexadecimal digits)
 */
export function parseComparisonRequest(text: string): ComparisonRequest | undefined {
  if (text === "head" || text === "base") return { kind: text };
  const [, kind, rest = ""] = /^(ref|commit):(.*)$/s.exec(text) ?? [];
  if (kind === "ref") return isRefName(rest) ? { kind, name: rest } : undefined;
  return kind === "commit" && /^[0-9a-f]{4,64}$/i.test(rest) ? { kind, oid: rest.toLowerCase() } : undefined;
}

/** The one text that {@link parseComparisonRequest} reads so. */
export function comparisonWord(request: ComparisonRequest): string {
  if (request.kind === "ref") return `ref:${request.name}`;
  return request.kind === "commit" ? `commit:${request.oid}` : request.kind;
}

/** One comparison that is wanted of a tree. */
export interface WantedComparison {
  readonly request: ComparisonRequest;
  /** The ref that a chat names as base, as text. */
  readonly base?: string | undefined;
}

/** Names one {@link WantedComparison}: two of one name are the same. */
export function comparisonKey({ request, base = "" }: WantedComparison): string {
  return request.kind === "base" && base !== "" ? `base:${base}` : comparisonWord(request);
}

/** The comparison of a name; `undefined` for what is none. */
export function parseComparisonKey(key: string): WantedComparison | undefined {
  if (key.startsWith("base:") && key !== "base:") return { request: { kind: "base" }, base: key.slice("base:".length) };
  const request = parseComparisonRequest(key);
  return request && { request };
}

/** Rules: <https://git-scm.com/docs/git-check-ref-format>, with one level allowed; `@` is HEAD. */
function isRefName(name: string): boolean {
  if (name === "" || name.length > MAX_NAME_CHARACTERS) return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what git refuses
  if (/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\.$/.test(name) || name.startsWith("-")) return false;
  return name.split("/").every((part) => part !== "" && !part.startsWith(".") && !part.endsWith(".lock"));
}
