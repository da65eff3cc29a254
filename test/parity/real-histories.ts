import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { packagePath } from "../../src/util/index.js";
import { git } from "../support/repo.js";
import { PACKAGES, Packages } from "./packages.js";

/** A repository that people have made, on a branch `topic`. */
export interface RealHistory {
  readonly name: string;
  readonly root: string;
}

/** This project's own history. @param root where the clone goes @returns `undefined` where this is no clone, or a shallow one */
export function ownHistory(root: string): RealHistory | undefined {
  const source = packagePath(".");
  if (!existsSync(join(source, ".git")) || git(source, "rev-parse", "--is-shallow-repository") === "true")
    return undefined;
  git(".", "clone", "-q", "--no-local", source, root);
  return { name: "this project", root };
}

/**
 * Releases of packages as commits: each package on a branch of its own, merged into `main` after each release.
 *
 * @param root where the repository is made
 * @throws when npm can't fetch one
 */
export function packageHistory(root: string): RealHistory {
  const packages = new Packages();
  try {
    git(".", "init", "-q", "-b", "main", root);
    git(root, "commit", "-q", "--allow-empty", "-m", "begin");
    for (const name of Object.keys(PACKAGES)) git(root, "branch", branchOf(name));
    const releases = Object.keys(PACKAGES).map((name) => packages.fetch(name));
    for (let at = 0; at < Math.max(...releases.map(({ length }) => length)); at += 1) {
      for (const versions of releases) {
        const release = versions[at];
        if (release === undefined) continue;
        git(root, "checkout", "-q", branchOf(release.name));
        const place = join(root, branchOf(release.name));
        rmSync(place, { recursive: true, force: true });
        cpSync(release.dir, place, { recursive: true });
        git(root, "add", "-A", "--force");
        git(root, "commit", "-q", "-m", `${release.name} ${release.version}`);
        git(root, "checkout", "-q", "main");
        git(root, "merge", "-q", "--no-ff", "-m", `Merge ${release.name} ${release.version}`, branchOf(release.name));
      }
    }
    return { name: `releases of ${readdirSync(root).length - 1} packages`, root };
  } finally {
    packages.close();
  }
}

function branchOf(name: string): string {
  return name.replace("/", "-").replace("@", "");
}
