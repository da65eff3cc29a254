/** What a working tree is to be compared with. */
export type ComparisonRequest =
  | { kind: "head" }
  | { kind: "base" }
  /** The best common ancestor of HEAD and a ref. */
  | { kind: "ref"; name: string }
  /** A commit and its first parent, the working tree aside. */
  | { kind: "commit"; oid: string };

/** Longer names are no refs: git keeps them in files. */
const MAX_NAME_CHARACTERS = 1024;

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

/** Rules: <https://git-scm.com/docs/git-check-ref-format>, with one level allowed; `@` is HEAD. */
function isRefName(name: string): boolean {
  if (name === "" || name.length > MAX_NAME_CHARACTERS) return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what git refuses
  if (/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\.$/.test(name) || name.startsWith("-")) return false;
  return name.split("/").every((part) => part !== "" && !part.startsWith(".") && !part.endsWith(".lock"));
}
