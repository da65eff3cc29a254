/** A pattern for paths, read once. */
export interface Glob {
  /** As it was written. */
  readonly text: string;
  /** What each component has to be; `ANY_DEPTH` stands for any number of them. */
  readonly components: readonly Component[];
}

/** Whether a pattern for one component of a path names a folded one. */
type Component = (component: string) => boolean;

const ANY_DEPTH: Component = () => true;

/**
 * Reads a pattern: `*` and `?` stay within a component, `**` is any number of components. It is compared with the end of a
 * path, by whole components; with a `/` at its beginning with the whole path, from the root of the tree. A `/` at its end
 * means everything below. Letters of either case are the same (docs/secrets.md, "Globs").
 *
 * @param text as people write it
 */
export function readGlob(text: string): Glob {
  const folded = foldPath(Buffer.from(text).toString("latin1"));
  const below = folded.endsWith("/") ? `${folded}**` : folded;
  const parts = below.split("/").filter((component) => component !== "" && component !== ".");
  const components = parts.map((part) => (part === "**" ? ANY_DEPTH : readComponent(part)));
  return { text, components: text.startsWith("/") ? components : [ANY_DEPTH, ...components] };
}

/** The form in which paths are compared. @param path bytes, one per character */
export function foldPath(path: string): string {
  return path.toLowerCase();
}

/**
 * Whether a pattern names a path. The work is bounded by the product of both lengths.
 *
 * @param components of the folded path
 */
export function matchesGlob({ components: pattern }: Glob, components: readonly string[]): boolean {
  const [first, only] = pattern;
  // nearly every pattern names a file wherever it lies
  if (pattern.length === 2 && first === ANY_DEPTH && only !== undefined && only !== ANY_DEPTH) {
    return only(components.at(-1) ?? "");
  }
  return matchesList(pattern, components, ANY_DEPTH, (one, other) => one(other));
}

/** The forms that nearly all patterns have are compared at once. */
function readComponent(pattern: string): Component {
  const parts = pattern.split("*");
  if (pattern.includes("?") || parts.length > 2) {
    return (component) => matchesList(pattern, component, "*", (one, other) => one === "?" || one === other);
  }
  const [start = "", end] = parts;
  if (end === undefined) return (component) => component === start;
  const least = start.length + end.length;
  return (component) => component.length >= least && component.startsWith(start) && component.endsWith(end);
}

/**
 * Compares two lists, of which the first may have places that stand for any number of elements. Only the last such place is
 * ever tried again, so that no pattern takes longer than the product of both lengths.
 */
function matchesList<P>(
  pattern: ArrayLike<P>,
  list: ArrayLike<string>,
  many: P,
  isSame: (one: P, other: string) => boolean,
): boolean {
  let p = 0;
  let l = 0;
  let star = -1;
  let tried = 0;
  while (l < list.length) {
    const one = pattern[p];
    if (one === many) {
      star = p;
      tried = l;
      p += 1;
    } else if (one !== undefined && isSame(one, list[l] ?? "")) {
      p += 1;
      l += 1;
    } else if (star >= 0) {
      tried += 1;
      l = tried;
      p = star + 1;
    } else return false;
  }
  // what stands for everything below a directory needs something below it
  while (pattern[p] === many && !(many === ANY_DEPTH && p > 0 && p === pattern.length - 1)) p += 1;
  return p === pattern.length;
}
