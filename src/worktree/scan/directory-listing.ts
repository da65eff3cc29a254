import { readdirSync } from "node:fs";
import { fileSystemPath } from "../../git/index.js";
import { isAbsent, systemCode } from "../../util/index.js";
import { joinPath } from "../paths.js";
import type { Candidates } from "./candidates.js";
import { DirectoryCheck, UNCHANGED, type UnchangedEntries } from "./directory-check.js";
import type { DirectoryNode } from "./directory-node.js";
import type { DirectoryRules } from "./directory-rules.js";
import type { DirectoryTree } from "./directory-tree.js";
import type { EntryRecorder, IndexedTree, ScannedRepository } from "./entry-recorder.js";
import type { IndexDirectory, IndexTree } from "./index-tree.js";
import { DENIED } from "./lstat.js";

/** Lists directories and has each of their entries recorded, beside one version of the index. */
export class DirectoryListing {
  readonly #repository: ScannedRepository;
  readonly #directories: DirectoryTree;
  readonly #candidates: Candidates;
  readonly #rules: DirectoryRules;
  readonly #indexTree: IndexTree;
  readonly #check: DirectoryCheck;
  readonly #recorder: EntryRecorder;

  constructor({ repository, directories, candidates, rules, index, indexTree }: IndexedTree, recorder: EntryRecorder) {
    this.#repository = repository;
    this.#directories = directories;
    this.#candidates = candidates;
    this.#rules = rules;
    this.#indexTree = indexTree;
    this.#check = new DirectoryCheck(repository.root, index);
    this.#recorder = recorder;
  }

  /**
   * Covers a directory, unless it is, and records what each of its entries is.
   *
   * @param unchangedEntries in the initial scan: what is not looked at again
   * @returns whether it is done; `false`: the directory's ignore rules are outdated, so it is to be entered anew
   */
  list(node: DirectoryNode, unchangedEntries?: UnchangedEntries): boolean {
    this.#directories.cover(node);
    if (node.submodule) return true;
    const directory = this.#indexTree.get(node.path);
    const names = this.#readNames(node);
    if (names === undefined) return true;
    if (!this.#isEntered(node, names, directory !== undefined)) {
      this.#forgetAllBut(node, new Set());
      return true;
    }
    if (this.#rules.areOutdated(node)) return false;
    this.#recordAll(node, names, directory, unchangedEntries);
    return true;
  }

  /**
   * Covers a directory, unless it is, and checks whether a sweep finds it unchanged. `false` also where
   * something has to be remembered of it: then it is to be listed.
   *
   * @param withCandidates directories in which a tracked file may differ from its entry
   */
  isStillUnchanged(node: DirectoryNode, withCandidates: ReadonlySet<string>): boolean {
    this.#directories.cover(node);
    const { attributeFiles, unreadable } = this.#directories;
    const directory = node.submodule ? undefined : this.#indexTree.get(node.path);
    if (directory === undefined) return false;
    const { path, runs, children } = directory;
    const isPlain = node.listed && !node.hasGit && node.untracked.size === 0 && !unreadable.has(path);
    if (!isPlain || withCandidates.has(path) || attributeFiles.has(joinPath(path, ".gitattributes"))) return false;
    const hasAll = children.every((child) => {
      const known = node.children.get(child.name);
      const stats = known && this.#recorder.look(child.path);
      return stats !== DENIED && stats?.isDirectory() === true && stats.ino === known?.inode && known.tracked;
    });
    if (!hasAll || node.children.size !== children.length) return false;
    const isUnchanged = this.#check.isUnchanged({ path, runs, children: children.length });
    return isUnchanged && this.#check.links === (node.links?.size ?? 0);
  }

  /** Records what the entries of a directory are. */
  #recordAll(
    node: DirectoryNode,
    names: readonly string[],
    directory: IndexDirectory | undefined,
    unchangedEntries: UnchangedEntries | undefined,
  ): void {
    const files = directory?.files();
    const directories = new Set(directory?.children.map((child) => child.name));
    const takenAt = Date.now();
    const there = new Set(names);
    let found = 0;
    for (const name of names) {
      if (name === ".git") continue;
      const position = files?.get(name);
      const isProven = position !== undefined && unchangedEntries?.[position] === UNCHANGED;
      if (isProven || (unchangedEntries !== undefined && directories.has(name) && node.children.has(name))) {
        found++;
        continue;
      }
      const stats = this.#recorder.look(joinPath(node.path, name));
      if (stats === undefined) {
        // gone since the listing, and so missing; one whose path is too long is there
        if (!this.#directories.tooDeep.has(node.path)) there.delete(name);
        continue;
      }
      if (stats === DENIED) return; // what can't be looked at is not missing
      if (position !== undefined) found++;
      if (directories.has(name) && stats.isDirectory()) found++;
      this.#recorder.record(node, name, stats, takenAt);
    }
    if (node.listed) this.#forgetAllBut(node, there);
    node.listed = true;
    if (files !== undefined && found < files.size + directories.size) {
      this.#recordMissing(node, files, directories, there);
    }
  }

  /** `undefined`: it can't be listed, which is noted. */
  #readNames(node: DirectoryNode): string[] | undefined {
    const { unreadable } = this.#directories;
    try {
      const names = readdirSync(fileSystemPath(this.#repository.root, node.path), "latin1");
      unreadable.delete(node.path);
      return names;
    } catch (error) {
      const code = systemCode(error) ?? "EIO";
      // gone again, or replaced by something else: the event of that is on its way. One whose path is too long is there
      if (!isAbsent(error) || code === "ENAMETOOLONG") unreadable.set(node.path, code);
      else if (this.#indexTree.has(node.path)) this.#recorder.recordMissingBelow(node.path);
      return undefined;
    }
  }

  /** Whether what lies in the directory belongs to this tree, and not to a repository of its own. */
  #isEntered(node: DirectoryNode, names: readonly string[], tracked: boolean): boolean {
    const hasGit = node.parent !== undefined && names.includes(".git");
    if (hasGit && !node.hasGit) this.#directories.coverGitDirectory(node);
    node.hasGit = hasGit;
    node.nested = hasGit && !tracked && this.#repository.isNestedRepository(node.path);
    return !node.nested;
  }

  /** Takes out what an earlier listing found and this one did not. */
  #forgetAllBut(node: DirectoryNode, names: ReadonlySet<string>): void {
    const { attributeFiles, links } = this.#directories;
    links.forgetAllBut(node, names);
    if (!names.has(".gitattributes")) attributeFiles.see(joinPath(node.path, ".gitattributes"), undefined, 0);
    for (const name of node.untracked) if (!names.has(name)) this.#candidates.forgetUntracked(node, name);
    for (const [name, child] of node.children) if (!names.has(name)) this.#directories.drop(child);
  }

  #recordMissing(
    node: DirectoryNode,
    files: ReadonlyMap<string, number>,
    directories: ReadonlySet<string>,
    names: ReadonlySet<string>,
  ): void {
    for (const [name, position] of files) {
      if (!names.has(name)) this.#recorder.recordMissing(joinPath(node.path, name), position);
    }
    for (const name of directories) {
      if (!node.children.has(name)) this.#recorder.recordMissingBelow(joinPath(node.path, name));
    }
  }
}
