import { detectRenames, exactRenames, type FileSide } from "../../diff/index.js";
import type { Repository } from "../../git/index.js";
import { isFileMode } from "../file-mode.js";
import type { Change, Version } from "./changes.js";
import { type Pair, pairUp, type RenamedPaths } from "./pairs.js";
import { withSimilarSizes } from "./similar-sizes.js";
import { noContent, type VersionContent } from "./version-content.js";

/** The renames among some changes, and the files over `core.bigFileThreshold` that were read to find them. */
interface DetectedRenames {
  readonly renames: readonly RenamedPaths[];
  readonly readLarge: ReadonlySet<string>;
}

/** What of a repository decides which renames there are. */
export type RenameSettings = Pick<Repository, "attributes" | "bigFileThresholdBytes" | "renameLimit">;

/** What the search asks of the versions that it compares. */
export type ComparedContent = Pick<VersionContent, "isLarge" | "isTooLarge" | "read" | "sizeOf">;

/** Finds the renames among the changes of a tree, and again only when its deleted or added files are others. */
export class RenameDetection {
  readonly #repository: RenameSettings;
  readonly #content: ComparedContent;
  /** What was deleted and added, and the settings that count, when `#detected` was found. */
  #signature = "";
  /** The same changes need no signature. */
  #last: readonly unknown[] = [];
  #detected: DetectedRenames = { renames: [], readLarge: new Set() };

  constructor(repository: RenameSettings, content: ComparedContent) {
    this.#repository = repository;
    this.#content = content;
  }

  /** Paths of the files over `core.bigFileThreshold` that were read all the same. */
  get readLarge(): ReadonlySet<string> {
    return this.#detected.readLarge;
  }

  /**
   * The pairs of files to print: each change, and a deletion and an addition that are one rename as one.
   * @returns ascending by path
   * @throws FileChangedError when a file on disk is another one by now
   */
  async pair(changes: readonly Change[]): Promise<Pair[]> {
    const deleted = changes.filter((change) => change.before && !change.after);
    // a file whose content is not known is no rename for certain
    const added = changes.filter(({ before, after }) => !before && after && after.filterNotRun === undefined);
    if (deleted.length === 0 || added.length === 0) return pairUp(changes, []);
    const name = (change: Change): string => `${change.path}\0${(change.before ?? change.after)?.oid}`;
    const { renameLimit, bigFileThresholdBytes } = this.#repository;
    const settings = [renameLimit ?? "", bigFileThresholdBytes];
    const all = [...settings, ...deleted, ...added];
    if (all.length === this.#last.length && all.every((each, at) => each === this.#last[at])) {
      return pairUp(changes, this.#detected.renames);
    }
    const signature = [...settings, ...deleted.map(name), "", ...added.map(name)].join("\0");
    if (this.#signature !== signature) {
      this.#detected = await this.#detect(deleted, added);
      this.#signature = signature;
    }
    this.#last = all;
    return pairUp(changes, this.#detected.renames);
  }

  async #detect(deletions: readonly Change[], additions: readonly Change[]): Promise<DetectedRenames> {
    const versions = new Map<FileSide, Version>();
    const unread = ({ path, before, after }: Change): FileSide => {
      const version = before ?? after;
      if (version === undefined) throw new TypeError(`${path}: neither before nor after`);
      const side = { path, mode: version.mode, oid: version.oid, content: noContent };
      versions.set(side, version);
      return side;
    };
    const exact = exactRenames(deletions.map(unread), additions.map(unread));
    const sizeOf = (side: FileSide): number => {
      const version = versions.get(side);
      return version === undefined ? 0 : this.#content.sizeOf(side.path, version);
    };
    const compared = withSimilarSizes(exact.deleted, exact.added, sizeOf);
    const readLarge = new Set<string>();
    const read = async (side: FileSide): Promise<FileSide> => {
      const version = versions.get(side);
      if (version === undefined || !compared.has(side)) return side;
      if (this.#content.isLarge(side.path, version)) readLarge.add(side.path);
      return this.#side(side.path, version);
    };
    const deleted: FileSide[] = [];
    for (const side of exact.deleted) deleted.push(await read(side));
    const added: FileSide[] = [];
    for (const side of exact.added) added.push(await read(side));
    const inexact = detectRenames(deleted, added, { limit: this.#repository.renameLimit });
    const renames = [...exact.renames, ...inexact].map(({ from, to, similarity }) => {
      return { from: from.path, to: to.path, similarity };
    });
    return { renames, readLarge };
  }

  /** A file with its content, which counts here whether it is binary or not. */
  async #side(path: string, version: Version): Promise<FileSide> {
    const { mode, oid } = version;
    const { binary = undefined } = isFileMode(mode) ? this.#repository.attributes(path) : {};
    const isTooLarge = this.#content.isTooLarge(path, version);
    const content = isTooLarge ? noContent() : await this.#content.read(path, version);
    return { path, mode, oid, content: () => content, ...(binary !== undefined && { binary }) };
  }
}
