import type { FilePatch, FileSide, FunctionPattern } from "../../diff/index.js";
import { configuredPattern, driverPattern, filePatch, patchWithoutContent } from "../../diff/index.js";
import type { ConfiguredPattern, Repository } from "../../git/index.js";
import { textOfBytes } from "../../git/index.js";
import { formatBytes } from "../../protocol/index.js";
import { messageOf, TreewireError } from "../../util/index.js";
import { isFileMode } from "../file-mode.js";
import type { Version } from "./changes.js";
import { type Pair, pairSignature } from "./pairs.js";
import type { RenameDetection } from "./rename-detection.js";
import { noContent, type VersionContent } from "./version-content.js";
import type { WorkFiles } from "./work-files.js";

/** What stands behind the last line of a file that has no line feed at its end. */
const UNFINISHED = "\n\\ No newline at end of file\n";

/** One side of a pair, as it is to be printed. */
interface PrintedSide {
  readonly path: string;
  readonly version: Version;
  /** Whether it is of a file that HEAD or the index has. */
  readonly tracked: boolean;
  /** Whether its content was read before anybody asked whether it is binary: then its size does not decide. */
  readonly alreadyRead: boolean;
}

/** A patch, and what is to be said of it. */
export type TreePatch = FilePatch & {
  /** The filter that was not run: the new content is not known, and the patch is its header. */
  readonly filterNotRun?: string;
  /** Bytes of the hunks that were not made, because they are more than is kept; absent: they were made. */
  readonly notMadeBytes?: number;
};

/** What a patcher works on. */
export interface PatcherSources {
  readonly repository: Repository;
  readonly workFiles: WorkFiles;
  readonly content: VersionContent;
  readonly renames: RenameDetection;
}

/** Fetches the two sides of pairs and lets `diff` print them. */
export class Patcher {
  readonly #repository: Repository;
  readonly #workFiles: WorkFiles;
  readonly #content: VersionContent;
  readonly #renames: RenameDetection;
  readonly #patterns = new Map<string, FunctionPattern>();

  constructor({ repository, workFiles, content, renames }: PatcherSources) {
    this.#repository = repository;
    this.#workFiles = workFiles;
    this.#content = content;
    this.#renames = renames;
  }

  /** Files whose patches depend on that they were read: another set when that may have changed. */
  get readLarge(): ReadonlySet<string> {
    return this.#renames.readLarge;
  }

  /** What has to be equal for a patch to be the same. */
  signature(pair: Pair): string {
    const { binary, diffDriver, functionPattern } = this.#repository.attributes(pair.path, pair.tracked);
    const driverBefore = pair.beforePath === pair.path ? {} : this.#repository.attributes(pair.beforePath);
    const { readLarge } = this.#renames;
    const read = [readLarge.has(pair.beforePath), readLarge.has(pair.path), this.#workFiles.known(pair.path)?.converts];
    const drivers = [diffDriver, functionPattern?.text, driverBefore.diffDriver, driverBefore.functionPattern?.text];
    return pairSignature(pair, [binary, ...drivers, ...read, this.#repository.bigFileThresholdBytes].join(" "));
  }

  /**
   * The patch of one pair.
   * @param maxHunkBytes hunks that are known to be over this need not be made
   * @throws FileChangedError when a file on disk is another one by now
   * @throws TreewireError `TW_FILTER_FAILED`, `TW_CORRUPT_REPOSITORY`
   */
  async patch(pair: Pair, maxHunkBytes = Number.POSITIVE_INFINITY): Promise<TreePatch> {
    if (pair.after?.source === "disk" && this.#workFiles.known(pair.path)?.unread === true)
      return this.#sizePatch(pair);
    const filterNotRun = pair.after?.filterNotRun;
    if (pair.after !== undefined && filterNotRun !== undefined) {
      return { ...(await this.#patchWithoutContent(pair, pair.after)), filterNotRun };
    }
    const [before, after] = this.#sidesOf(pair);
    const tooLarge = before === undefined && after !== undefined ? this.#newFile(after, maxHunkBytes) : undefined;
    if (tooLarge !== undefined) return tooLarge;
    const sideBefore = before && (await this.#read(before));
    const sideAfter = after && (await this.#read(after));
    const functionPattern = this.#functionPattern(before) ?? this.#functionPattern(after);
    return filePatch(sideBefore ?? null, sideAfter ?? null, { functionPattern, similarity: pair.similarity });
  }

  /** What is told of a file that is too large to be read: what git says of a binary one, without ids. */
  #sizePatch({ path, beforePath, before, after }: Pair): FilePatch {
    const side = (path: string, version: Version): FileSide => ({ ...version, path, content: noContent, binary: true });
    const patch = filePatch(before ? side(beforePath, before) : null, after ? side(path, after) : null);
    const size = this.#workFiles.known(path)?.contentSize ?? 0;
    const lines = Buffer.from(patch.bytes)
      .toString("latin1")
      .replace(/^index .*unread.*\n/m, "")
      .replace(/^Binary files .*\n$/m, `File too large to read. Size: ${formatBytes(size)}\n`);
    const bytes = Buffer.from(lines, "latin1");
    return { ...patch, bytes, headerLength: bytes.length };
  }

  /** The header of a new file whose lines are more than may be told, which is known from counting them. */
  #newFile(after: PrintedSide, maxHunkBytes: number): TreePatch | undefined {
    const { path, version } = after;
    const file = version.source === "disk" ? this.#workFiles.known(path) : undefined;
    if (file?.lineCount === undefined || file.oid !== version.oid || this.#isBinary(after) !== undefined)
      return undefined;
    const { lines, isUnfinished } = file.lineCount;
    const notMadeBytes =
      `@@ -0,0 +1,${lines} @@\n`.length + file.contentSize + lines + (isUnfinished ? UNFINISHED.length : 0);
    if (notMadeBytes <= maxHunkBytes) return undefined;
    const { mode, oid } = version;
    // any line will do for the header
    const patch = filePatch(null, { path, mode, oid, content: () => Buffer.from("\n") });
    return { ...patch, bytes: patch.bytes.subarray(0, patch.headerLength), additions: lines, notMadeBytes };
  }

  async #patchWithoutContent({ path, beforePath, before }: Pair, after: Version): Promise<FilePatch> {
    const known = before && { path: beforePath, version: before, tracked: true, alreadyRead: false };
    // of a file that stays one, the content does not count
    const side =
      before !== undefined && isFileMode(before.mode) && isFileMode(after.mode)
        ? { path: beforePath, mode: before.mode, oid: before.oid, content: noContent }
        : known && (await this.#read(known));
    return patchWithoutContent(side ?? null, { path, mode: after.mode });
  }

  /**
   * Git asks late whether content is binary. What it read before then to find renames, or to see whether a file on disk
   * equals HEAD's of the same size (`diff.autoRefreshIndex`), is binary or not by its bytes, whatever the size.
   */
  #sidesOf(pair: Pair): [PrintedSide | undefined, PrintedSide | undefined] {
    const { path, beforePath, before, after, tracked } = pair;
    const { readLarge } = this.#renames;
    let readBefore = readLarge.has(beforePath);
    let readAfter = tracked && readLarge.has(path);
    const isCompared = before !== undefined && after?.source === "disk" && path === beforePath;
    const file = isCompared ? this.#workFiles.known(path) : undefined;
    if (file !== undefined && before !== undefined && before.mode === after?.mode && isFileMode(after.mode)) {
      readBefore = file.contentSize === this.#repository.blobSize(before.oid);
      readAfter = readBefore || file.converts;
    }
    return [
      before && { path: beforePath, version: before, tracked: true, alreadyRead: readBefore },
      after && { path, version: after, tracked, alreadyRead: readAfter },
    ];
  }

  async #read(side: PrintedSide): Promise<FileSide> {
    const { path, version } = side;
    const { mode, oid } = version;
    const binary = this.#isBinary(side);
    const content = binary === true ? noContent() : await this.#content.read(path, version);
    return { path, mode, oid, content: () => content, ...(binary !== undefined && { binary }) };
  }

  /** What is known of it without a look at the content. */
  #isBinary({ path, version, tracked, alreadyRead }: PrintedSide): boolean | undefined {
    if (this.#content.isTooLarge(path, version)) return true;
    if (!isFileMode(version.mode)) return undefined;
    const { binary } = this.#repository.attributes(path, tracked);
    if (binary !== undefined) return binary;
    const holdsNul = version.source === "disk" && this.#workFiles.known(path)?.holdsNul === true;
    return holdsNul || (!alreadyRead && this.#content.isLarge(path, version)) ? true : undefined;
  }

  /** Attributes that speak of diffs count for regular files only: a link's target has no driver. */
  #functionPattern(side: PrintedSide | undefined): FunctionPattern | undefined {
    if (side === undefined || !isFileMode(side.version.mode)) return undefined;
    const { diffDriver, functionPattern } = this.#repository.attributes(side.path, side.tracked);
    if (functionPattern !== undefined) return this.#configuredPattern(side.path, functionPattern);
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
      throw new TreewireError("TW_BAD_PATTERN", textOfBytes(path), { detail, cause: thrown });
    }
    this.#patterns.set(key, pattern);
    return pattern;
  }
}
