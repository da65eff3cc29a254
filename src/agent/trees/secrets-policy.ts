import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { FileChanges } from "../../protocol/index.js";
import {
  LineScanner,
  loadPreset,
  MAX_TREEWIRE_FILE_BYTES,
  type PathLists,
  PathRules,
  readTreewireFile,
  SecretsFilter,
  TREEWIRE_FILE,
} from "../../secrets/index.js";
import { isAbsent, readRegularFile } from "../../util/index.js";
import type { TreeState } from "../../worktree/index.js";

/** No larger file is read to see what the middle of a private key belongs to: it then counts as one. Bytes. */
const MAX_WHOLE_FILE_BYTES = 1024 * 1024;
/** Object ids of masked files are made with a key of so many bytes. */
const KEY_BYTES = 32;

/** What is hidden in every tree of an agent (docs/secrets.md). */
export class SecretsPolicy {
  readonly #lists: PathLists;
  #loading: Promise<LineScanner> | undefined;

  constructor(lists: PathLists) {
    this.#lists = lists;
  }

  /**
   * Filters one tree. The rules are loaded for the first one: an agent that watches nothing does without.
   *
   * @throws what stands in the way of that; without them, nothing may be sent
   */
  async forTree(root: string): Promise<TreeSecrets> {
    this.#loading ??= loadScanner();
    return new TreeSecrets(root, this.#lists, await this.#loading);
  }
}

async function loadScanner(): Promise<LineScanner> {
  const scanner = new LineScanner((await loadPreset()).keywords);
  scanner.warmUp();
  return scanner;
}

/** What may leave of a state. */
export interface FilteredState {
  readonly state: TreeState;
  /** Lead to it from the one that left before, unless the epoch is new. */
  readonly changes: FileChanges;
  /** The tree's list of paths is another one than before: what left until now has nothing to do with it. */
  readonly isNewEpoch: boolean;
}

/** Hides the secrets of one tree, with what its `.treewire` file adds to the lists. Every call is synchronous. */
export class TreeSecrets {
  readonly #root: string;
  readonly #lists: PathLists;
  readonly #scanner: LineScanner;
  /** The patterns of the tree's file. */
  #added: readonly string[] = [];
  #filter: SecretsFilter;
  #isFirst = true;

  constructor(root: string, lists: PathLists, scanner: LineScanner) {
    this.#root = root;
    this.#lists = lists;
    this.#scanner = scanner;
    this.#filter = this.#newFilter();
  }

  /** @param changes lead to the state from the one before; without them the two are compared */
  filter(state: TreeState, changes?: FileChanges): FilteredState {
    const isNewEpoch = this.#readAdded() && !this.#isFirst;
    this.#isFirst = false;
    const filtered = this.#filter.update(state.files, isNewEpoch ? undefined : changes);
    const texts = {
      branch: this.maskText(state.branch),
      remoteOrigin: this.maskText(state.remoteOrigin),
      health: this.maskText(state.health),
    };
    return { state: { ...state, ...texts, files: filtered.files }, changes: filtered.changes, isNewEpoch };
  }

  /** A text for people, masked. */
  maskText(text: string): string {
    return text === "" ? text : this.#filter.maskText(text);
  }

  /** The tree is gone: what comes next begins anew. */
  reset(): void {
    this.#filter = this.#newFilter();
    this.#isFirst = true;
  }

  /** @returns whether the patterns are others than before; then there is a new filter */
  #readAdded(): boolean {
    let added: readonly string[];
    try {
      const { bytes } = readRegularFile(join(this.#root, TREEWIRE_FILE), MAX_TREEWIRE_FILE_BYTES);
      added = readTreewireFile(bytes.toString());
    } catch (error) {
      if (!isAbsent(error)) return false; // what it said stands: to hide too much is the smaller harm
      added = [];
    }
    if (added.join("\n") === this.#added.join("\n")) return false;
    this.#added = added;
    this.#filter = this.#newFilter();
    return true;
  }

  #newFilter(): SecretsFilter {
    const { allow, deny } = this.#lists;
    return new SecretsFilter({
      scanner: this.#scanner,
      rules: new PathRules({ allow, deny: [...deny, ...this.#added] }),
      key: randomBytes(KEY_BYTES),
      now: () => performance.now(),
      textOf: (path) => this.#textOf(path),
    });
  }

  #textOf(path: string): string | undefined {
    const place = Buffer.concat([Buffer.from(`${this.#root}/`), Buffer.from(path, "latin1")]);
    try {
      return readRegularFile(place, MAX_WHOLE_FILE_BYTES).bytes.toString();
    } catch {
      return undefined; // gone, or too large: nobody can tell
    }
  }
}
