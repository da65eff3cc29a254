import type { FilePatch, FilePatchOptions, FileSide, FunctionPattern } from "../../diff/index.js";
import {
  configuredPattern,
  detectRenames,
  driverPattern,
  exactRenames,
  filePatch,
  submoduleContent,
} from "../../diff/index.js";
import type { ConfiguredPattern, Oid, Repository } from "../../git/index.js";
import { messageOf, TreewireError } from "../../util/index.js";
import { pathText } from "../paths.js";
import type { Change, Version } from "./changes.js";
import { type Pair, pairSignature, pairUp, type RenamedPaths } from "./pairs.js";
import { withSimilarSizes } from "./similar-sizes.js";
import type { WorkFiles } from "./work-files.js";

const GITLINK = 0o160000;
const KIND_MASK = 0o170000;
const REGULAR_FILE = 0o100000;

/** Nothing larger is read for a comparison, in bytes, whatever is configured: git's default for binary files. */
const COMPARED_MAX_BYTES = 512 * 2 ** 20;

/** The renames among some changes, and the files over `core.bigFileThreshold` that were read to find them. */
interface DetectedRenames {
  readonly signature: string;
  readonly renames: RenamedPaths[];
  readonly readLarge: ReadonlySet<string>;
}

/** Which side of a pair was read whole before anybody asked whether it is binary: then its size does not decide. */
interface AlreadyRead {
  readonly before: boolean;
  readonly after: boolean;
}

/** Fetches the two sides of changes and lets `diff` print them. */
export class Patcher {
  readonly #repository: Repository;
  readonly #workFiles: WorkFiles;
  readonly #patterns = new Map<string, FunctionPattern>();
  #detected: DetectedRenames = { signature: "", renames: [], readLarge: new Set() };

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
    const { renameLimit, bigFileThresholdBytes } = this.#repository;
    const signature = [renameLimit ?? "", bigFileThresholdBytes, ...gone.map(name), "", ...come.map(name)].join("\0");
    if (this.#detected.signature !== signature) {
      this.#detected = { signature, ...(await this.#detect(gone, come, indexOidOf)) };
    }
    return pairUp(changes, this.#detected.renames);
  }

  /** What has to be equal for a patch to be the same. */
  signature(pair: Pair): string {
    const { binary, diffDriver, functionPattern } = this.#repository.attributes(pair.path, pair.tracked);
    const driverBefore = pair.beforePath === pair.path ? {} : this.#repository.attributes(pair.beforePath);
    const { readLarge } = this.#detected;
    const read = [readLarge.has(pair.beforePath), readLarge.has(pair.path), this.#workFiles.known(pair.path)?.converts];
    const drivers = [diffDriver, functionPattern?.text, driverBefore.diffDriver, driverBefore.functionPattern?.text];
    return pairSignature(pair, [binary, ...drivers, ...read, this.#repository.bigFileThresholdBytes].join(" "));
  }

  /** The patch of one pair. @throws FileChangedError when a file on disk is another one by now */
  async patch(pair: Pair, indexOid: Oid | undefined): Promise<FilePatch> {
    const { tracked } = pair;
    const read = this.#alreadyRead(pair);
    const before = pair.before && (await this.#side(pair.beforePath, pair.before, undefined, true, read.before));
    const after = pair.after && (await this.#side(pair.path, pair.after, indexOid, tracked, read.after));
    const functionPattern =
      this.#functionPattern(pair.beforePath, pair.before) ?? this.#functionPattern(pair.path, pair.after, tracked);
    const options: FilePatchOptions = { functionPattern, similarity: pair.similarity };
    return filePatch(before ?? null, after ?? null, options);
  }

  #functionPattern(path: string, version: Version | undefined, tracked = true): FunctionPattern | undefined {
    if (version === undefined || !isRegular(version)) return undefined;
    const { diffDriver, functionPattern } = this.#repository.attributes(path, tracked);
    if (functionPattern !== undefined) return this.#configuredPattern(path, functionPattern);
    return diffDriver === undefined ? undefined : driverPattern(diffDriver);
  }

  #configuredPattern(path: string, { setting, text, syntax }: ConfiguredPattern): FunctionPattern {
    const key = `${syntax} ${text}`;
    let pattern = this.#patterns.get(key);
    if (pattern !== undefined) return pattern;
    try {
      pattern = configuredPattern(setting, text, syntax);
    } catch (thrown) {
      const detail = `${setting}: ${messageOf(thrown)}`;
      throw new TreewireError("TW_BAD_PATTERN", pathText(path), { detail, cause: thrown });
    }
    this.#patterns.set(key, pattern);
    return pattern;
  }

  async #detect(
    gone: readonly Change[],
    come: readonly Change[],
    indexOidOf: (path: string) => Oid | undefined,
  ): Promise<Omit<DetectedRenames, "signature">> {
    const versions = new Map<FileSide, Version>();
    const unread = ({ path, before, after }: Change): FileSide => {
      const version = before ?? after;
      if (version === undefined) throw new TypeError(`${path}: neither before nor after`);
      const side = { path, mode: version.mode, oid: version.oid, content: noContent };
      versions.set(side, version);
      return side;
    };
    const exact = exactRenames(gone.map(unread), come.map(unread));
    const limit = this.#repository.renameLimit;
    const sizeOf = (side: FileSide): number => this.#sizeOf(side.path, versions.get(side));
    const compared = withSimilarSizes(exact.deleted, exact.added, sizeOf);
    const readLarge = new Set<string>();
    const read = async (side: FileSide): Promise<FileSide> => {
      const version = versions.get(side);
      if (version === undefined || !compared.has(side)) return side;
      if (this.#isLarge(side.path, version)) readLarge.add(side.path);
      return this.#renameSide(side.path, version, indexOidOf(side.path));
    };
    const deleted: FileSide[] = [];
    for (const side of exact.deleted) deleted.push(await read(side));
    const added: FileSide[] = [];
    for (const side of exact.added) added.push(await read(side));
    const renames = [...exact.renames, ...detectRenames(deleted, added, { limit })];
    return {
      renames: renames.map(({ from, to, similarity }) => ({ from: from.path, to: to.path, similarity })),
      readLarge,
    };
  }

  #sizeOf(path: string, version: Version | undefined): number {
    if (version === undefined || version.mode === GITLINK) return 0;
    if (version.source === "disk") return this.#workFiles.known(path)?.contentSize ?? 0;
    return this.#repository.blobSize(version.oid);
  }

  /**
   * Git asks whether content is binary late. What it read before then to find renames, or to see whether a file on disk
   * equals HEAD's of the same size (`diff.autoRefreshIndex`), is judged by its bytes, whatever the size.
   */
  #alreadyRead({ path, beforePath, before, after, tracked }: Pair): AlreadyRead {
    const { readLarge } = this.#detected;
    const read = { before: readLarge.has(beforePath), after: tracked && readLarge.has(path) };
    if (before === undefined || after === undefined || path !== beforePath) return read;
    if (after.source !== "disk" || before.mode !== after.mode || !isRegular(after)) return read;
    const file = this.#workFiles.known(path);
    if (file === undefined) return read;
    const sameSize = file.contentSize === this.#repository.blobSize(before.oid);
    return { before: sameSize, after: sameSize || file.converts };
  }

  /** One side of a patch. @param read whether the content was read before, see {@link #alreadyRead} */
  async #side(
    path: string,
    version: Version,
    indexOid: Oid | undefined,
    tracked: boolean,
    read: boolean,
  ): Promise<FileSide> {
    const { mode, oid } = version;
    const binary = this.#isBinary(path, version, tracked, read);
    const content = binary === true ? noContent() : await this.#content(path, version, indexOid);
    return { path, mode, oid, content: () => content, ...(binary !== undefined && { binary }) };
  }

  /** What is known of it without a look at the content. */
  #isBinary(path: string, version: Version, tracked: boolean, read: boolean): boolean | undefined {
    if (this.#isTooLarge(path, version)) return true;
    if (!isRegular(version)) return undefined;
    const { binary } = this.#repository.attributes(path, tracked);
    if (binary !== undefined) return binary;
    const holdsNul = version.source === "disk" && this.#workFiles.known(path)?.holdsNul === true;
    return holdsNul || (!read && this.#isLarge(path, version)) ? true : undefined;
  }

  /** A file as the search for renames needs it: its content counts, binary or not. */
  async #renameSide(path: string, version: Version, indexOid: Oid | undefined): Promise<FileSide> {
    const { mode, oid } = version;
    const isTooLarge = this.#isTooLarge(path, version);
    const { binary = undefined } = isRegular(version) ? this.#repository.attributes(path) : {};
    const content = isTooLarge ? noContent() : await this.#content(path, version, indexOid);
    return { path, mode, oid, content: () => content, ...(binary !== undefined && { binary }) };
  }

  /** Over `core.bigFileThreshold`: binary, whatever is in it, and not read unless it was for another reason. */
  #isLarge(path: string, version: Version): boolean {
    if (version.mode === GITLINK) return false;
    if (version.source === "disk") return this.#workFiles.known(path)?.large === true;
    return this.#repository.blobSize(version.oid) > this.#repository.bigFileThresholdBytes;
  }

  #isTooLarge(path: string, version: Version): boolean {
    return this.#isLarge(path, version) && this.#sizeOf(path, version) > COMPARED_MAX_BYTES;
  }

  async #content(path: string, version: Version, indexOid: Oid | undefined): Promise<Uint8Array> {
    if (version.mode === GITLINK) return submoduleContent(version.oid, version.dirty ?? false);
    if (version.source === "disk") return this.#workFiles.content(path, version.oid, indexOid);
    return this.#repository.readBlob(version.oid);
  }
}

/** Attributes that speak of diffs count for regular files only: a link's target has no driver. */
function isRegular(version: Version): boolean {
  return (version.mode & KIND_MASK) === REGULAR_FILE;
}

function noContent(): Uint8Array {
  return new Uint8Array();
}
