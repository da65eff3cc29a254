import type { Stamp } from "../file-stamp.js";
import { joinPath } from "../paths.js";
import type { DirectoryNode } from "./directory-node.js";

/** The files of a working tree that the index does not prove unchanged: only they can be part of its diff. */
export class Candidates {
  /** Tracked paths that their index entry does not prove unchanged; `undefined`: not there. */
  readonly tracked = new Map<string, Stamp | undefined>();
  /** Untracked, not ignored files and links. */
  readonly untracked = new Map<string, Stamp>();
  /** Paths whose entry in one of the two maps may have changed since the caller last emptied this set. */
  readonly touched = new Set<string>();
  /** Links in the place of directories with tracked files, some of which git would find behind them. */
  readonly links = new Set<string>();

  setTracked(path: string, stamp: Stamp | undefined): void {
    this.tracked.set(path, stamp);
    this.touched.add(path);
  }

  forgetTracked(path: string): void {
    if (this.tracked.delete(path)) this.touched.add(path);
  }

  forgetAllTracked(): void {
    for (const path of this.tracked.keys()) this.touched.add(path);
    this.tracked.clear();
  }

  setUntracked(node: DirectoryNode, name: string, stamp: Stamp): void {
    const path = joinPath(node.path, name);
    node.addUntracked(name);
    this.untracked.set(path, stamp);
    this.touched.add(path);
  }

  forgetUntracked(node: DirectoryNode, name: string): void {
    if (!node.deleteUntracked(name)) return;
    const path = joinPath(node.path, name);
    this.untracked.delete(path);
    this.touched.add(path);
  }

  /** Marks every path as touched: how files are read has changed. */
  touchAll(): void {
    for (const path of this.tracked.keys()) this.touched.add(path);
    for (const path of this.untracked.keys()) this.touched.add(path);
  }
}
