import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  detectRenames,
  type FilePatchOptions,
  type FileSide,
  filePatch,
  submoduleContent,
} from "../../src/diff/index.js";
import { GIT_ENV } from "../support/repo.js";

export const FILE = 0o100644;
export const EXECUTABLE = 0o100755;
export const LINK = 0o120000;
export const SUBMODULE = 0o160000;

export interface Entry {
  readonly mode: number;
  /** Of a submodule: the commit's id. */
  readonly content: Buffer;
}

/** Entries by path, one character per byte. */
export type Tree = ReadonlyMap<string, Entry>;

export function blobOid(content: Uint8Array): string {
  return createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
}

export function sideOf(path: string, { mode, content }: Entry): FileSide {
  if (mode !== SUBMODULE) return { path, mode, oid: blobOid(content), content: () => content };
  const oid = content.toString("latin1");
  return { path, mode, oid, content: () => submoduleContent(oid, false) };
}

/** Makes each tree a commit of the repository, with `git fast-import`. @returns what git knows them by */
export function importTrees(root: string, trees: readonly Tree[], options: readonly string[] = []): string[] {
  const names = trees.map((_, i) => `refs/heads/tree-${i}`);
  const stream = trees.flatMap((tree, i) => [
    `commit ${names[i]}\ncommitter Test <test@example.com> 0 +0000\ndata 0\n`,
    ...[...tree].flatMap(([path, { mode, content }]) => {
      const quoted = [...path].map((c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`).join("");
      if (mode === SUBMODULE) return [`M 160000 ${content} "${quoted}"\n`];
      return [`M ${mode.toString(8)} inline "${quoted}"\ndata ${content.length}\n`, content, "\n"];
    }),
  ]);
  const input = Buffer.concat(stream.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
  execFileSync("git", ["-C", root, "fast-import", "--quiet", "--force", ...options], { input, env: GIT_ENV });
  return names;
}

/** The configuration and options that decide the bytes, as the published state has them. */
const SHAPE = [
  ...["core.quotePath=true", "diff.renames=true", "diff.algorithm=myers", "diff.indentHeuristic=true"].flatMap(
    (setting) => ["-c", setting],
  ),
  ..."diff --full-index --no-color --no-ext-diff --no-textconv --src-prefix=a/ --dst-prefix=b/".split(" "),
];

/** What `git diff` prints for two commits; one character per byte. */
export function gitDiff(root: string, before: string, after: string, ...config: string[]): string {
  const settings = config.flatMap((setting) => ["-c", setting]);
  const run = spawnSync("git", ["-C", root, ...settings, ...SHAPE, before, after, "--"], {
    env: GIT_ENV,
    maxBuffer: 2 ** 31 - 1,
  });
  if (run.status !== 0) throw new Error(`git diff: ${run.error ?? run.stderr}`);
  return run.stdout.toString("latin1");
}

interface Options {
  limit?: number;
  /** The options of one path's patch. */
  patch?: (path: string) => FilePatchOptions;
}

/** What we print for two trees; one character per byte. */
export function ourDiff(before: Tree, after: Tree, { limit, patch = () => ({}) }: Options = {}): string {
  const sides = (tree: Tree, other: Tree) =>
    [...tree].filter(([path]) => !other.has(path)).map(([path, entry]) => sideOf(path, entry));
  const renames = detectRenames(sides(before, after), sides(after, before), {
    limit,
    countUnfinishedLine: gitCountsUnfinishedLine,
  });
  const byTarget = new Map(renames.map((rename) => [rename.to.path, rename]));
  const sources = new Set(renames.map(({ from }) => from.path));

  const patches = [...new Set([...before.keys(), ...after.keys()])].sort().map((path) => {
    const rename = byTarget.get(path);
    if (rename !== undefined) {
      return filePatch(rename.from, rename.to, { ...patch(path), similarity: rename.similarity });
    }
    if (sources.has(path)) return undefined;
    const [one, other] = [before.get(path), after.get(path)];
    return filePatch(one ? sideOf(path, one) : null, other ? sideOf(path, other) : null, patch(path));
  });
  return patches.map((found) => Buffer.from(found?.bytes ?? []).toString("latin1")).join("");
}

/** Since 2.44 git counts the bytes behind the last line feed when it measures similarity. */
const gitCountsUnfinishedLine = (() => {
  const version = execFileSync("git", ["--version"], { encoding: "utf8" });
  const [, major = "0", minor = "0"] = /(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 44);
})();
