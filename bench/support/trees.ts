import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { git } from "../../test/support/repo.js";
import { progress } from "./measure.js";

const project = fileURLToPath(new URL("../../../", import.meta.url));
const maker = join(project, "bench/support/make-large-tree.sh");

/** A real working tree to measure on. */
export interface BenchTree {
  name: string;
  root: string;
}

/**
 * The Linux sources, 78,000 files. Made once, which takes two minutes, and kept in the directory that
 * `TREEWIRE_BIG_REPO` names (default: in the system's temporary one).
 */
export function bigTree(): BenchTree {
  const root = process.env.TREEWIRE_BIG_REPO ?? join(tmpdir(), "treewire-big-repo");
  if (!existsSync(join(root, ".git"))) {
    progress("making the big tree, once: two minutes");
    execFileSync("sh", [maker, root], { stdio: ["ignore", "ignore", "inherit"] });
  }
  return { name: "Linux 6.1 sources", root };
}

/** Smaller ones, of what this project is made of. @param scratch where they are made */
export function smallTrees(scratch: string): BenchTree[] {
  const sources: [name: string, from: string, what: string[]][] = [
    ["this project", project, ["src", "test", "bench", "bin", "docs"]],
    ["TypeScript's package", join(project, "node_modules/typescript"), ["."]],
    ["all packages of this project", join(project, "node_modules"), ["."]],
  ];
  return sources.map(([name, from, what], at) => {
    progress(`making ${name}`);
    const root = join(scratch, `tree${at}`);
    mkdirSync(root);
    for (const part of what) cpSync(join(from, part), join(root, part), { recursive: true, verbatimSymlinks: true });
    git(root, "init", "-q");
    git(root, "config", "gc.auto", "0");
    git(root, "add", "-A", "--force");
    git(root, "commit", "-qm", "first");
    return { name, root };
  });
}
