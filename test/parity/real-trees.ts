import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Entry, EXECUTABLE, FILE, gitDiff, importTrees, ourDiff, SUBMODULE, type Tree } from "../diff/trees.js";
import { GIT_ENV, git } from "../support/repo.js";

/** Two versions of a whole tree. */
export interface TreePair {
  readonly name: string;
  readonly before: Tree;
  readonly after: Tree;
}

/** The files below a directory. */
export function treeOfDirectory(dir: string): Tree {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((entry): [string, Entry] => {
      const path = join(entry.parentPath, entry.name);
      const mode = (statSync(path).mode & 0o100) === 0 ? FILE : EXECUTABLE;
      return [Buffer.from(path.slice(dir.length + 1)).toString("latin1"), { mode, content: readFileSync(path) }];
    }),
  );
}

/** This project's own history: the tree of each of the last commits beside that of its parent. */
export function* ownHistory(commits: number): Generator<TreePair> {
  const project = fileURLToPath(new URL("../../../", import.meta.url));
  // %P names no parent where the history, or a shallow clone, begins
  const log = git(project, "log", "--no-merges", `--max-count=${commits}`, "--format=%H %P").split("\n");
  for (const line of log) {
    const [commit = "", parent = ""] = line.split(" ");
    if (parent === "") continue;
    yield { name: `commit ${commit}`, before: treeOfCommit(project, parent), after: treeOfCommit(project, commit) };
  }
}

function treeOfCommit(root: string, commit: string): Tree {
  const listing = execFileSync("git", ["-C", root, "ls-tree", "-r", "-z", "--full-tree", commit], { env: GIT_ENV });
  const entries = [...listing.toString("latin1").matchAll(/(\d+) \w+ ([0-9a-f]+)\t([^\0]+)\0/g)];
  const input = entries.map(([, , oid]) => `${oid}\n`).join("");
  const contents = execFileSync("git", ["-C", root, "cat-file", "--batch"], {
    input,
    env: GIT_ENV,
    maxBuffer: 2 ** 30,
  });
  let at = 0;
  return new Map(
    entries.map(([, mode = "", oid = "", path = ""]): [string, Entry] => {
      const start = contents.indexOf("\n", at) + 1;
      const size = Number(contents.toString("latin1", at, start).split(" ")[2] ?? 0);
      at = start + size + 1;
      const content =
        Number.parseInt(mode, 8) === SUBMODULE ? Buffer.from(oid) : contents.subarray(start, start + size);
      return [path, { mode: Number.parseInt(mode, 8), content }];
    }),
  );
}

/** Compares our patch of two trees with git's. @returns `undefined` when they are equal, else where they part */
export function treeDifference({ name, before, after }: TreePair): string | undefined {
  const root = mkdtempSync(join(tmpdir(), "treewire-trees-"));
  try {
    git(root, "init", "-q");
    const [one = "", other = ""] = importTrees(root, [before, after]);
    const expected = gitDiff(root, one, other);
    const actual = ourDiff(before, after);
    if (actual === expected) return undefined;
    let at = 0;
    while (expected[at] === actual[at]) at += 1;
    const from = expected.lastIndexOf("\ndiff --git ", at) + 1;
    return `${name}\ngit:\n${expected.slice(from, at + 500)}\ntreewire:\n${actual.slice(from, at + 500)}`;
  } finally {
    rmSync(root, { recursive: true });
  }
}
