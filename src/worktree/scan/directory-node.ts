import type { IgnoreDirectory } from "../../git/index.js";
import { joinPath } from "../paths.js";

/** Ends the coverage of one directory. */
export interface DirectoryWatch {
  close(): void;
}

/** One name of a file that can be changed without an event of that name. */
export interface FileLink {
  readonly inode: number;
  /** `undefined`: there is none to be had. */
  readonly watch: DirectoryWatch | undefined;
}

const NO_CHILDREN: ReadonlyMap<string, DirectoryNode> = new Map();
const NO_NAMES: ReadonlySet<string> = new Set();

/**
 * One real directory of the working tree that is walked: it is not ignored, or it holds tracked files. What hangs
 * below it here is what the last listing found; the nodes of a tree are the directories that are covered.
 */
export class DirectoryNode {
  readonly parent: DirectoryNode | undefined;
  readonly name: string;
  /** Byte path from the root; "" for the root. */
  readonly path: string;
  // most directories have neither: an empty collection of its own would take each of them 200 bytes
  #children: Map<string, DirectoryNode> | undefined;
  #untracked: Set<string> | undefined;
  /** The rules that hold for entries of this directory; made when they are first asked for. */
  rules: IgnoreDirectory | undefined;
  /** The bytes of this directory's `.gitignore` that `rules` were made from, one per character. */
  ignoreText: string | undefined;
  /**
   * The directory itself is ignored and walked only for its tracked files: git lists nothing untracked below an
   * excluded directory, and no rule can include it again. `undefined`: nobody has asked yet.
   */
  excluded: boolean | undefined;
  /** Another repository's working tree: covered so that its end is seen, never entered. */
  nested = false;
  /** Its entries were recorded at least once. */
  listed = false;
  /** The index has a submodule here: covered so that its `.git` is seen to come and go, and a tree of its own. */
  submodule = false;
  /** It has an entry `.git`. */
  hasGit = false;
  /** Whether anything below was tracked when it was listed; ignored and nested directories depend on it. */
  tracked = false;
  /** The inode that was listed; another one under the same name is another directory. */
  readonly inode: number;
  watches: DirectoryWatch[] = [];
  /** Names of files that have other names too; see LinkedFiles. */
  links: Map<string, FileLink> | undefined;

  constructor(parent: DirectoryNode | undefined, name: string, inode: number) {
    this.parent = parent;
    this.inode = inode;
    this.name = name;
    this.path = parent === undefined ? "" : joinPath(parent.path, name);
  }

  get children(): ReadonlyMap<string, DirectoryNode> {
    return this.#children ?? NO_CHILDREN;
  }

  /** Places a child in the place of an earlier one of that name. */
  setChild(child: DirectoryNode): void {
    this.#children ??= new Map();
    this.#children.set(child.name, child);
  }

  deleteChild(name: string): void {
    this.#children?.delete(name);
  }

  /** Names of untracked, not ignored files and links in this directory. */
  get untracked(): ReadonlySet<string> {
    return this.#untracked ?? NO_NAMES;
  }

  addUntracked(name: string): void {
    this.#untracked ??= new Set();
    this.#untracked.add(name);
  }

  /** @returns whether it was there */
  deleteUntracked(name: string): boolean {
    return this.#untracked?.delete(name) === true;
  }

  /** The node at a byte path below this one, or `undefined` when a directory on the way is not covered. */
  find(path: string): DirectoryNode | undefined {
    if (path === "") return this;
    let node: DirectoryNode | undefined = this;
    for (const name of path.split("/")) {
      node = node.children.get(name);
      if (node === undefined) return undefined;
    }
    return node;
  }

  /** This node and everything below it, parents first. */
  *subtree(): Generator<DirectoryNode> {
    const stack: DirectoryNode[] = [this];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      yield node;
      stack.push(...node.children.values());
    }
  }
}
