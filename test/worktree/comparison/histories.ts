// Histories with branches, merges that cross, renames and reverted lines, and work on top that is staged, unstaged and
// untracked; made by one `git fast-import` each.
import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "../../support/fast-check.js";
import { expectedDiff, expectedTreeDiff } from "../../support/git-oracle.js";
import { GIT_ENV, git } from "../../support/repo.js";

const PATHS = ["a.txt", "b.txt", "d/c.txt", "d/e.txt", "d/f/g.txt", "z"];
const LINES = 14;
const VALUES = 3;

/** One change of one file; numbers are taken modulo what there is. */
interface Edit {
  how: "line" | "remove" | "rename" | "executable";
  path: number;
  to: number;
  line: number;
  value: number;
}

interface DrawnCommit {
  /** How far back its first parent is. */
  back: number;
  /** The same of its second parent; 0: it has none. */
  other: number;
  /** Which files a merge takes from the second parent, a bit each. */
  taken: number;
  edits: Edit[];
}

/** A history, where its refs are, and what lies on top. The last commit is HEAD's. */
export interface DrawnHistory {
  commits: DrawnCommit[];
  main: number;
  /** Staged, then unstaged. */
  staged: Edit[];
  unstaged: Edit[];
  /** Files that are taken out of the index alone. */
  forgotten: number[];
}

type File = { lines: readonly number[]; executable: boolean };
type Files = ReadonlyMap<string, File>;

const edit: fc.Arbitrary<Edit> = fc.record({
  how: fc.constantFrom("line", "line", "line", "line", "remove", "rename", "rename", "executable"),
  path: fc.nat({ max: PATHS.length - 1 }),
  to: fc.nat({ max: PATHS.length - 1 }),
  line: fc.nat({ max: LINES - 1 }),
  value: fc.nat({ max: VALUES - 1 }),
});

export const drawnHistory: fc.Arbitrary<DrawnHistory> = fc.record({
  commits: fc.array(
    fc.record({
      back: fc.integer({ min: 1, max: 4 }),
      other: fc.constantFrom(0, 0, 0, 1, 2, 3, 4, 5),
      taken: fc.nat({ max: 2 ** PATHS.length - 1 }),
      edits: fc.array(edit, { maxLength: 4 }),
    }),
    { minLength: 2, maxLength: 16 },
  ),
  main: fc.nat(),
  staged: fc.array(edit, { maxLength: 3 }),
  unstaged: fc.array(edit, { maxLength: 4 }),
  forgotten: fc.array(fc.nat({ max: PATHS.length - 1 }), { maxLength: 1 }),
});

const pathAt = (at: number): string => PATHS[at % PATHS.length] ?? "";

function textOf({ lines }: File): string {
  return lines.map((value, at) => `line ${at} has ${"x".repeat(value)}${value}\n`).join("");
}

function edited(files: Files, { how, path, to, line, value }: Edit): Files {
  const next = new Map(files);
  const name = pathAt(path);
  const file = files.get(name) ?? { lines: Array.from({ length: LINES }, () => path % VALUES), executable: false };
  if (how === "line") next.set(name, { ...file, lines: file.lines.map((old, at) => (at === line ? value : old)) });
  if (how === "executable") next.set(name, { ...file, executable: !file.executable });
  if (how === "remove" || how === "rename") next.delete(name);
  if (how === "rename" && files.has(name)) next.set(pathAt(to), file);
  return next;
}

function treesOf(commits: readonly DrawnCommit[]): { files: Files; parents: number[] }[] {
  const made: { files: Files; parents: number[] }[] = [];
  for (const [at, { back, other, taken, edits }] of commits.entries()) {
    const parents = [back, ...(other === 0 ? [] : [other])].map((by) => at - by).filter((parent) => parent >= 0);
    const [first, second] = [...new Set(parents)].map((parent) => made[parent]);
    const files = new Map(first?.files);
    for (const [bit, path] of PATHS.entries()) {
      if (second === undefined || (taken & (1 << bit)) === 0) continue;
      const theirs = second.files.get(path);
      if (theirs === undefined) files.delete(path);
      else files.set(path, theirs);
    }
    made.push({ files: edits.reduce(edited, files as Files), parents: [...new Set(parents)] });
  }
  return made;
}

/** A name and a stream of `git fast-import`. */
function importStream(history: DrawnHistory): string {
  const commits = treesOf(history.commits);
  const parts = commits.map(({ files, parents }, at) => {
    const [first, ...others] = parents;
    const from = first === undefined ? [] : [`from :${first + 1}`];
    const merges = others.map((parent) => `merge :${parent + 1}`);
    const modifications = [...files].map(([path, file]) => {
      const text = textOf(file);
      return `M ${file.executable ? "100755" : "100644"} inline ${path}\ndata ${text.length}\n${text}`;
    });
    const head = [`commit refs/parts/${at}`, `mark :${at + 1}`, `committer T <t@example.com> ${1e9 + at * 60} +0000`];
    return [...head, `data ${String(at).length}`, String(at), ...from, ...merges, "deleteall", ...modifications].join(
      "\n",
    );
  });
  const main = history.main % commits.length;
  const refs = [`reset refs/heads/main\nfrom :${main + 1}`, `reset refs/heads/feature\nfrom :${commits.length}`];
  return `${[...parts, ...refs].join("\n")}\n`;
}

/** Makes the repository with its working tree. @param root an empty directory */
export function makeHistory(root: string, history: DrawnHistory): void {
  git(root, "init", "-q", "-b", "feature");
  execFileSync("git", ["fast-import", "--quiet", "--force"], { cwd: root, env: GIT_ENV, input: importStream(history) });
  git(root, "reset", "-q", "--hard");
  let files: Files = treesOf(history.commits).at(-1)?.files ?? new Map();
  const work = (edits: readonly Edit[]): void => {
    const before = files;
    files = edits.reduce(edited, files);
    for (const path of before.keys()) if (!files.has(path)) rmSync(join(root, path));
    for (const [path, file] of files) {
      if (before.get(path) === file) continue;
      mkdirSync(dirname(join(root, path)), { recursive: true });
      const temporary = join(root, ".git/new");
      writeFileSync(temporary, textOf(file), { mode: file.executable ? 0o755 : 0o644 });
      renameSync(temporary, join(root, path));
    }
  };
  if (history.staged.length > 0) {
    work(history.staged);
    git(root, "add", "-A");
  }
  for (const path of history.forgotten) git(root, "rm", "-q", "--cached", "--ignore-unmatch", "--", pathAt(path));
  work(history.unstaged);
}

/** What each comparison has to print, by the word that asks for it. */
export function expectedComparisons(root: string, history: DrawnHistory): Map<string, Buffer> {
  const baseOf = (ref: string): string | undefined => {
    try {
      return git(root, "merge-base", "HEAD", ref);
    } catch {
      return undefined; // git leaves with 1 where there is none
    }
  };
  const workTree = (base: string | undefined): Buffer => expectedDiff(root, base === undefined ? {} : { base });
  const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
  const at = (history.main * 7 + 3) % history.commits.length;
  const oid = git(root, "rev-parse", `refs/parts/${at}`);
  const parent = git(root, "rev-list", "--parents", "-n1", oid).split(" ")[1] ?? emptyTree;
  const part = `refs/parts/${(history.main * 3 + 1) % history.commits.length}`;
  return new Map([
    ["base", workTree(baseOf("main"))],
    [`ref:${part}`, workTree(baseOf(part))],
    [`commit:${oid}`, expectedTreeDiff(root, parent, oid)],
  ]);
}
