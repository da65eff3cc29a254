/** What is at an absolute byte path, a link not followed. */
export type Look =
  /** @param identity says which directory it is: another one under the same path has another one */
  | { readonly kind: "directory"; readonly identity: string }
  | { readonly kind: "link"; readonly target: string }
  | { readonly kind: "file" }
  /** Nothing, or nothing that can be looked at. */
  | { readonly kind: "absent" };

/** One name that is looked up on the way to a file, in a directory that is there. */
export interface Step {
  /** Absolute byte path of the directory, without links in it. */
  readonly directory: string;
  readonly identity: string;
  /** One character per byte; `undefined`: every name in the directory counts. */
  readonly name: string | undefined;
  /** What the name stands for. */
  readonly kind: Look["kind"];
}

/** So many links are followed on the way to one file, as Linux has it (path_resolution(7)). */
const MAX_LINKS = 40;

/**
 * Every name that the system looks up to find what is at a path: each directory of the path as it is spelled, each
 * link in it, each directory that a link leads through. The last step is the file itself, or the first name that is
 * missing: it is what has to appear. Behind a path with a `/` at its end each name in the directory is a step as well.
 *
 * @param path absolute byte path; `.` and `..` count as the system has them, behind a link from where it leads to
 * @param look what is at an absolute byte path
 */
export function resolutionSteps(path: string, look: (path: string) => Look): Step[] {
  const steps: Step[] = [];
  const names = path.split("/").reverse();
  let directory = "/";
  let links = 0;
  while (names.length > 0) {
    const name = names.pop() ?? "";
    if (name === "" || name === ".") continue;
    if (name === "..") {
      directory = directory.slice(0, directory.lastIndexOf("/")) || "/";
      continue;
    }
    const at = look(directory);
    if (at.kind !== "directory") return steps; // it went while it was walked through: its own step says so
    const child = directory === "/" ? `/${name}` : `${directory}/${name}`;
    const found = look(child);
    steps.push({ directory, identity: at.identity, name, kind: found.kind });
    if (found.kind === "directory") {
      directory = child;
    } else if (found.kind === "link" && links < MAX_LINKS) {
      links += 1;
      if (found.target.startsWith("/")) directory = "/";
      names.push(...found.target.split("/").reverse());
    } else {
      return steps;
    }
  }
  if (!path.endsWith("/")) return steps;
  const end = look(directory);
  if (end.kind === "directory") steps.push({ directory, identity: end.identity, name: undefined, kind: end.kind });
  return steps;
}
