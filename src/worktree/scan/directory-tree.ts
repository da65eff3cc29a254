import { joinPath } from "../paths.js";
import type { Candidates } from "./candidates.js";
import type { Coverage } from "./coverage.js";
import { DirectoryNode } from "./directory-node.js";
import { LinkedFiles } from "./linked-files.js";
import { SeenFiles } from "./seen-files.js";

const NONE: ReadonlySet<string> = new Set();

/**
 * The directories of a working tree that are walked, from the root down: which there are, which of them wait to be
 * listed, and what lasts only as long as its directory does.
 */
export class DirectoryTree {
  /** Every `.gitattributes` in a directory that is walked. */
  readonly attributeFiles = new SeenFiles();
  /** Directories that can't be listed: path → system error code. */
  readonly unreadable = new Map<string, string>();
  /** Directories with entries whose path is longer than the system takes: git leaves them out, too. */
  readonly tooDeep = new Set<string>();
  readonly links: LinkedFiles;
  readonly #coverage: Coverage;
  readonly #candidates: Candidates;
  #root = new DirectoryNode(undefined, "", 0);
  /** Directories to list, last in first out, so that few are open ends at a time. */
  #waiting: DirectoryNode[] = [];

  /** @param candidates loses the untracked files of each directory that is dropped */
  constructor(coverage: Coverage, candidates: Candidates) {
    this.#coverage = coverage;
    this.links = new LinkedFiles(coverage);
    this.#candidates = candidates;
  }

  get root(): DirectoryNode {
    return this.#root;
  }

  /** Whether nothing has been listed since all directories were forgotten. */
  get isNew(): boolean {
    return !this.#root.listed && this.#root.children.size === 0 && this.#waiting.includes(this.#root);
  }

  /** Drops every directory and lets a new root wait to be listed. */
  restart(): void {
    this.drop(this.#root);
    this.unreadable.clear();
    this.tooDeep.clear();
    this.#root = new DirectoryNode(undefined, "", 0);
    this.#waiting = [this.#root];
  }

  /** Lets every directory wait to be listed once more. Parents come first: what is below may go with them. */
  setAllWaiting(): void {
    this.setWaiting(this.#root.subtree());
  }

  /** Lets just these directories wait, in this order. */
  setWaiting(nodes: Iterable<DirectoryNode>): void {
    this.#waiting = [...nodes].reverse();
  }

  /** Takes out the directory that is to be listed next; `undefined` when none waits. */
  next(): DirectoryNode | undefined {
    let node = this.#waiting.pop();
    while (node !== undefined && !this.isCurrent(node)) node = this.#waiting.pop();
    return node;
  }

  /** Whether the node still hangs in the tree: it may have been dropped while it waited. */
  isCurrent(node: DirectoryNode): boolean {
    let at = node;
    while (at.parent !== undefined) {
      if (at.parent.children.get(at.name) !== at) return false;
      at = at.parent;
    }
    return at === this.#root;
  }

  /** Places a directory below another one, in the place of an earlier one of that name, and lets it wait. */
  add(parent: DirectoryNode, name: string, inode: number): DirectoryNode {
    this.dropChild(parent, name);
    const node = new DirectoryNode(parent, name, inode);
    parent.setChild(node);
    this.#waiting.push(node);
    return node;
  }

  /** Places the directory's watch, unless it has one. */
  cover(node: DirectoryNode): void {
    if (node.watches.length === 0) node.watches.push(...this.#coverage.cover(node));
  }

  /** Watches what makes `.git` in the directory a repository or not. */
  coverGitDirectory(node: DirectoryNode): void {
    node.watches.push(...this.#coverage.coverGitDirectory(node));
  }

  dropChild(node: DirectoryNode, name: string): void {
    const child = node.children.get(name);
    if (child !== undefined) this.drop(child);
  }

  /** Ends the coverage of a directory and of all below it. Tracked paths below are left to the caller. */
  drop(node: DirectoryNode): void {
    for (const each of node.subtree()) {
      for (const watch of each.watches) watch.close();
      each.watches = [];
      this.links.forgetAllBut(each, NONE);
      for (const name of each.untracked) this.#candidates.forgetUntracked(each, name);
      this.attributeFiles.see(joinPath(each.path, ".gitattributes"), undefined, 0);
      this.unreadable.delete(each.path);
      this.tooDeep.delete(each.path);
    }
    if (node.parent?.children.get(node.name) === node) node.parent.deleteChild(node.name);
  }

  /** Drops all directories. */
  close(): void {
    this.drop(this.#root);
    this.#waiting = [];
  }
}
