import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { FileChanges, TreeFile } from "../../protocol/index.js";
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
import type { ComparedState, TreeState } from "../../worktree/index.js";

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
   * @param isOfDisk whether the files are compared with those on disk, whose whole texts count then
   * @throws what stands in the way of that; without them, nothing may be sent
   */
  async forTree(root: string, isOfDisk = true): Promise<TreeSecrets> {
    this.#loading ??= loadScanner();
    return new TreeSecrets(root, this.#lists, await this.#loading, isOfDisk);
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
  readonly #isOfDisk: boolean;
  /** The patterns of the tree's file. */
  #added: readonly string[] = [];
  #filter: SecretsFilter;
  #isFirst = true;
  /** What was compared last, and what was left of it. */
  #compared: { given: ComparedState; masked: ComparedState } | undefined;

  constructor(root: string, lists: PathLists, scanner: LineScanner, isOfDisk: boolean) {
    this.#root = root;
    this.#isOfDisk = isOfDisk;
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
    const compared = state.compared && { compared: this.compared(state.compared) };
    return { state: { ...state, ...texts, ...compared, files: filtered.files }, changes: filtered.changes, isNewEpoch };
  }

  /** What a tree is compared with, with the texts of refs and commits masked. The same object for the same. */
  compared(compared: ComparedState): ComparedState {
    if (this.#compared?.given !== compared) this.#compared = { given: compared, masked: this.#maskCompared(compared) };
    return this.#compared.masked;
  }

  #maskCompared({ meta, commits, ...rest }: ComparedState): ComparedState {
    const reason = meta.reason === undefined ? {} : { reason: this.maskText(meta.reason) };
    return {
      ...rest,
      meta: { ...meta, base_ref: this.maskText(meta.base_ref), ...reason },
      commits: commits.map((commit) => ({
        ...commit,
        ...this.#maskMessage(commit),
        author: { ...commit.author, name: this.maskText(commit.author.name) },
      })),
    };
  }

  /**
   * The whole content of a file that is shown, with what looks like a secret masked; `undefined`: it is withheld.
   *
   * @param file as it is in the diff
   */
  maskContent(file: TreeFile, content: string): string | undefined {
    return this.#filter.maskContent(file, content);
  }

  /** A key may begin in the subject and go on in the body. */
  #maskMessage({ subject, body }: { subject: string; body: string }): { subject: string; body: string } {
    const [first = "", ...rest] = this.maskText(body === "" ? subject : `${subject}\n${body}`).split("\n");
    return { subject: first, body: rest.join("\n") };
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
    this.#compared = undefined;
    return true;
  }

  #newFilter(): SecretsFilter {
    const { allow, deny } = this.#lists;
    return new SecretsFilter({
      scanner: this.#scanner,
      rules: new PathRules({ allow, deny: [...deny, ...this.#added] }),
      key: randomBytes(KEY_BYTES),
      now: () => performance.now(),
      textOf: this.#isOfDisk ? (path) => this.#textOf(path) : undefined,
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
