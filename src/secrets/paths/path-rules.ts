import { ASSIGNING_PATHS, DATA_PATHS, SUSPECTED_PATHS, TEMPLATE_ENDINGS, WITHHELD_PATHS } from "./builtin-rules.js";
import { foldPath, type Glob, matchesGlob, readGlob } from "./glob.js";

/** How lines of a file may assign a secret: not at all, as `NAME=value`, or in the ways of JSON, YAML and TOML, too. */
export type Assignments = "none" | "equals" | "data";

/** What becomes of a file, as far as its names say. */
export type PathVerdict =
  /** Its owner wants it to be sent as it is. */
  | { readonly kind: "send" }
  /** Its content is not sent. `rule` says which pattern names it. */
  | { readonly kind: "withhold"; readonly rule: string }
  /** What looks like a secret in it is masked; `suspected`: then all of it is withheld. */
  | { readonly kind: "scan"; readonly suspected: boolean; readonly assignments: Assignments };

/** Patterns that are added to the built-in ones (docs/secrets.md, "Globs"). */
export interface PathLists {
  /** Files that are sent as they are. */
  readonly allow: readonly string[];
  /** Files that are withheld; these win. */
  readonly deny: readonly string[];
}

/** Judges files by their paths. */
export class PathRules {
  readonly #allow: readonly Glob[];
  readonly #deny: readonly Glob[];

  constructor({ allow, deny }: PathLists) {
    this.#allow = allow.map(readGlob);
    this.#deny = deny.map(readGlob);
  }

  /**
   * @param paths byte paths, one byte per character: those that a file has and, if it was renamed, had. The strictest
   *   verdict of any counts
   */
  judge(paths: readonly string[]): PathVerdict {
    const split = paths.map((path) => foldPath(path).split("/"));
    const ruleOf = (globs: readonly Glob[]) => globs.find((glob) => split.some((path) => matchesGlob(glob, path)));
    const denied = ruleOf(this.#deny);
    if (denied !== undefined) return { kind: "withhold", rule: denied.text };
    if (this.#allow.length > 0 && split.every((path) => this.#allow.some((glob) => matchesGlob(glob, path)))) {
      return { kind: "send" };
    }
    const named = split.filter((path) => !isTemplate(path.at(-1) ?? ""));
    const has = (globs: readonly Glob[]) => globs.find((glob) => named.some((path) => matchesGlob(glob, path)));
    const withheld = has(WITHHELD_PATHS);
    if (withheld !== undefined) return { kind: "withhold", rule: withheld.text };
    const assignments = has(DATA_PATHS) ? "data" : has(ASSIGNING_PATHS) ? "equals" : "none";
    return { kind: "scan", suspected: has(SUSPECTED_PATHS) !== undefined, assignments };
  }
}

function isTemplate(name: string): boolean {
  return TEMPLATE_ENDINGS.some((ending) => name.endsWith(ending));
}
