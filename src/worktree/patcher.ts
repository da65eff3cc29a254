import { detectRenames, driverPattern, filePatch, submoduleContent } from "../diff/index.js";
import type { FilePatch, FilePatchOptions, FileSide, FunctionPattern } from "../diff/types.js";
import type { Oid, Repository } from "../git/types.js";
import type { Change, Version } from "./changes.js";
import { type Pair, pairSignature, pairUp, type RenamedPaths } from "./pairs.js";
import type { WorkFiles } from "./work-files.js";

const GITLINK = 0o160000;

/** Fetches the two sides of changes and lets `diff` print them. */
export class Patcher {
  readonly #repository: Repository;
  readonly #workFiles: WorkFiles;
  #renames: { signature: string; renames: RenamedPaths[] } = { signature: "", renames: [] };

  constructor(repository: Repository, workFiles: WorkFiles) {
    this.#repository = repository;
    this.#workFiles = workFiles;
  }

  /**
   * Finds the renames among the changes.
   * @param indexOidOf the blob of a path's index entry
   * @returns ascending by path
   * @throws FileChangedError when a file on disk is another one by now
   */
  async pair(changes: readonly Change[], indexOidOf: (path: string) => Oid | undefined): Promise<Pair[]> {
    const gone = changes.filter((change) => change.before && !change.after);
    const come = changes.filter((change) => !change.before && change.after);
    if (gone.length === 0 || come.length === 0) return pairUp(changes, []);
    const name = (change: Change): string => `${change.path}\0${(change.before ?? change.after)?.oid}`;
    const signature = [...gone.map(name), "", ...come.map(name)].join("\0");
    if (this.#renames.signature !== signature) {
      const renames = await this.#detect(gone, come, indexOidOf);
      this.#renames = { signature, renames };
    }
    return pairUp(changes, this.#renames.renames);
  }

  /** What has to be equal for a patch to be the same. */
  signature(pair: Pair): string {
    const { binary, diffDriver } = this.#repository.attributes(pair.path, pair.tracked);
    const driverBefore = pair.beforePath === pair.path ? "" : this.#repository.attributes(pair.beforePath).diffDriver;
    return pairSignature(pair, [binary, diffDriver, driverBefore].join(" "));
  }

  /** The patch of one pair. @throws FileChangedError when a file on disk is another one by now */
  async patch(pair: Pair, indexOid: Oid | undefined): Promise<FilePatch> {
    const { tracked } = pair;
    const before = pair.before && (await this.#side(pair.beforePath, pair.before, undefined));
    const after = pair.after && (await this.#side(pair.path, pair.after, indexOid, tracked));
    const functionPattern =
      this.#functionPattern(pair.beforePath, pair.before) ?? this.#functionPattern(pair.path, pair.after, tracked);
    const options: FilePatchOptions = { functionPattern, similarity: pair.similarity };
    return filePatch(before ?? null, after ?? null, options);
  }

  #functionPattern(path: string, version: Version | undefined, tracked = true): FunctionPattern | undefined {
    if (version === undefined || !isRegular(version)) return undefined;
    const { diffDriver } = this.#repository.attributes(path, tracked);
    return diffDriver === undefined ? undefined : driverPattern(diffDriver);
  }

  async #detect(
    gone: readonly Change[],
    come: readonly Change[],
    indexOidOf: (path: string) => Oid | undefined,
  ): Promise<RenamedPaths[]> {
    const sides = async (changes: readonly Change[], pick: "before" | "after"): Promise<FileSide[]> => {
      const loaded: FileSide[] = [];
      for (const change of changes) {
        const version = change[pick];
        if (version !== undefined) loaded.push(await this.#side(change.path, version, indexOidOf(change.path)));
      }
      return loaded;
    };
    const renames = detectRenames(await sides(gone, "before"), await sides(come, "after"));
    return renames.map(({ from, to, similarity }) => ({ from: from.path, to: to.path, similarity }));
  }

  async #side(path: string, version: Version, indexOid: Oid | undefined, tracked = true): Promise<FileSide> {
    const { mode, oid } = version;
    const { binary } = isRegular(version) ? this.#repository.attributes(path, tracked) : {};
    const large = this.#isLarge(path, version);
    const content = large ? new Uint8Array() : await this.#content(path, version, indexOid);
    const side: FileSide = { path, mode, oid, content: () => content };
    if (large) side.binary = true;
    else if (binary !== undefined) side.binary = binary;
    return side;
  }

  /** Over `core.bigFileThreshold`: binary, whatever is in it, and never read. */
  #isLarge(path: string, version: Version): boolean {
    if (version.mode === GITLINK) return false;
    if (version.source === "disk") return this.#workFiles.known(path)?.large === true;
    return this.#repository.blobSize(version.oid) > this.#repository.bigFileThresholdBytes;
  }

  async #content(path: string, version: Version, indexOid: Oid | undefined): Promise<Uint8Array> {
    if (version.mode === GITLINK) return submoduleContent(version.oid, version.dirty ?? false);
    if (version.source === "disk") return this.#workFiles.content(path, version.oid, indexOid);
    return this.#repository.readBlob(version.oid);
  }
}

/** Attributes that speak of diffs count for regular files only: a link's target has no driver. */
function isRegular(version: Version): boolean {
  return (version.mode & 0o170000) === 0o100000;
}
