import { diffFiles, type FileChanges, mergeFiles, realChanges, type TreeFile } from "../protocol/index.js";
import { FileMasker, type FileMaskerOptions } from "./file-masker.js";

/** What may leave of a tree's state, and what leads to it from what left before. */
export interface FilteredFiles {
  /** Ascending by key; what did not change is the same object as before. */
  readonly files: readonly TreeFile[];
  /** Against the list that was given out before, or the empty one at first. */
  readonly changes: FileChanges;
}

/**
 * Hides secrets in the states of one tree, one after another. It costs as much as what changed; the files of one state are
 * masked alike in the next. Another list of paths needs another filter, and its states another epoch.
 */
export class SecretsFilter {
  readonly #masker: FileMasker;
  #given: readonly TreeFile[] = [];
  #files: readonly TreeFile[] = [];
  /** Keys of files that have other ones when they are masked. */
  readonly #maskedKeys = new Map<string, string>();

  constructor(options: FileMaskerOptions) {
    this.#masker = new FileMasker(options);
  }

  /**
   * Takes the next state.
   *
   * @param files ascending by key
   * @param changes lead to them from the state before; without them the two lists are compared
   */
  update(files: readonly TreeFile[], changes: FileChanges = diffFiles(this.#given, files)): FilteredFiles {
    const removed = new Map<string, TreeFile | undefined>();
    const added = new Map<string, TreeFile>();
    for (const [key, file] of changes) {
      const known = this.#maskedKeys.get(key) ?? key;
      if (file === undefined) {
        removed.set(known, undefined);
        this.#maskedKeys.delete(key);
        continue;
      }
      const masked = this.#masker.mask(file);
      if (masked.key !== known) removed.set(known, undefined);
      if (masked.key !== key) this.#maskedKeys.set(key, masked.key);
      added.set(masked.key, masked);
    }
    const real = realChanges(this.#files, new Map([...removed, ...added]));
    this.#given = files;
    this.#files = mergeFiles(this.#files, real);
    return { files: this.#files, changes: real };
  }

  /** As {@link FileMasker.maskContent}. */
  maskContent(file: TreeFile, content: string): string | undefined {
    return this.#masker.maskContent(file, content);
  }

  /** A text for people, masked: a branch's name, what is wrong. */
  maskText(text: string): string {
    return this.#masker.maskText(text);
  }
}
