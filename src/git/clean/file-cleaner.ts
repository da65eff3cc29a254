import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { LRUCache } from "lru-cache";
import { TreewireError } from "../../util/index.js";
import type { BytePath } from "../io/byte-path.js";
import { fileSystemPath, textOfBytes } from "../io/byte-path.js";
import { corrupt, type FilePath } from "../io/files.js";
import { MODE_FILE, MODE_LINK, MODE_TYPE } from "../objects/git-object.js";
import type { Oid } from "../objects/object-id.js";
import { hashBlob, type ObjectFormat, startBlobHash } from "../objects/object-id.js";
import { type CleanFilter, filterFailed } from "./clean-filter.js";
import { type Conversion, convertsText, convertText } from "./conversion.js";
import { runCleanCommand } from "./filter-command.js";
import type { FilterLimits } from "./filter-limits.js";
import { FilterProcess } from "./filter-process.js";
import { LfsPointer } from "./lfs.js";
import { LineCounter } from "./line-counter.js";
import { CrlfConverter, holdsCrlfText, TextStatistics } from "./line-endings.js";
import type { CleanFile, FileLook, LineCount, SlowReading } from "./types.js";
import { type ReadWorkFile, readWorkFile, WorkFileChangedError, WorkFilePieces } from "./work-file.js";

/** What the repository knows that decides how a file on disk is compared. */
export interface CleanContext {
  root: string;
  format: ObjectFormat;
  bigFileThresholdBytes: number;
  filterLimits: FilterLimits;
  conversion: (path: BytePath, tracked: boolean) => Conversion;
  readBlob: (oid: Oid) => Uint8Array;
}

/** Files above this are hashed piece by piece, and their content is read only when it is asked for. */
const PIECEWISE_FROM_BYTES = 8 * 2 ** 20;
/** Converted contents kept between the comparison and the diff that follows it. */
const CACHE_MAX_BYTES = 4 * 2 ** 20;
/** A content above this is not kept: it would drive out too many others. */
const CACHED_CONTENT_MAX_BYTES = CACHE_MAX_BYTES / 4;

/** Git takes content for binary when there is a NUL in as many bytes. */
const BINARY_LOOK_BYTES = 8000;

/**
 * Paths that git adds to no index, though it shows them when a made-up index names them: files outside of the working
 * tree, or in `.git`. What is read here leaves the machine, so they are not read.
 */
const FORBIDDEN_PATH = /(?:^|\/)(?:\.{0,2}|\.git)(?:\/|$)/i;

/** What is known of a content without its bytes. */
interface Hashed {
  oid: Oid;
  contentSize: number;
  holdsNul?: boolean | undefined;
  lineCount?: LineCount | undefined;
  /** Of the file that was read. */
  stats: Stats;
}

/** Reads files of the working tree as git would add them. Nothing is written. */
export class FileCleaner {
  readonly #context: CleanContext;
  readonly #contents = new LRUCache<BytePath, { oid: Oid; content: Buffer }>({
    maxSize: CACHE_MAX_BYTES,
    maxEntrySize: CACHED_CONTENT_MAX_BYTES,
    // The cache takes no size of 0.
    sizeCalculation: ({ content }) => content.length || 1,
  });
  readonly #processes = new Map<string, FilterProcess>();

  constructor(context: CleanContext) {
    this.#context = context;
  }

  /** See {@link Repository.clean}. */
  async clean(path: BytePath, look: FileLook, indexOid: Oid | undefined, signal?: AbortSignal): Promise<CleanFile> {
    if (FORBIDDEN_PATH.test(path)) throw corrupt(textOfBytes(path), "no path that git would take into an index");
    const place = fileSystemPath(this.#context.root, path);
    if ((look.mode & MODE_TYPE) === MODE_LINK) return this.#link(readlinkSync(place, { encoding: "buffer" }));
    const conversion = this.#context.conversion(path, indexOid !== undefined);
    const { filter } = conversion;
    if (filter?.kind === "refused") {
      const stats = lstatSync(place);
      if (!stats.isFile()) throw new WorkFileChangedError(place);
      return this.#unfiltered(stats, filter.name);
    }
    if (filter !== undefined) {
      const { content, stats } = await this.#filter(filter, path, place, signal);
      // A filter is not run twice: its output stays in memory.
      return this.#filtered(this.#convert(path, content, conversion, indexOid), stats);
    }
    const isPiecewise = isReadInPieces(conversion, look);
    const { oid, contentSize, holdsNul, lineCount, stats }: Hashed = isPiecewise
      ? await this.#hashPieces(place, conversion, indexOid, signal)
      : this.#hashWhole(path, readWorkFile(place, mostBytesOf(conversion)), conversion, indexOid);
    return {
      mode: modeOf(stats),
      oid,
      content: () => this.#readAgain(path, place, conversion, indexOid, oid),
      size: stats.size,
      stats,
      contentSize,
      converts: convertsText(conversion),
      ...(holdsNul !== undefined && { holdsNul }),
      ...(lineCount !== undefined && { lineCount }),
      large: this.#isLarge(stats.size),
    };
  }

  /** See {@link Repository.slowReading}. */
  slowReading(path: BytePath, look: FileLook, indexOid: Oid | undefined): SlowReading | undefined {
    if ((look.mode & MODE_TYPE) !== MODE_FILE) return undefined;
    const conversion = this.#context.conversion(path, indexOid !== undefined);
    const kind = conversion.filter?.kind;
    if (kind === "command" || kind === "process") return "filter";
    if (kind === "lfs" && look.size > PIECEWISE_FROM_BYTES) return "convert";
    if (kind !== undefined || !isReadInPieces(conversion, look)) return undefined;
    return conversion.lineEndings === "keep" ? "hash" : "convert";
  }

  #link(target: Buffer): CleanFile {
    const oid = hashBlob(target, this.#context.format);
    const size = target.length;
    return { mode: MODE_LINK, oid, content: () => target, size, contentSize: size, converts: false, large: false };
  }

  #filtered(content: Buffer, stats: Stats): CleanFile {
    const oid = hashBlob(content, this.#context.format);
    const { size } = stats;
    const sizes = { size, contentSize: content.length, large: this.#isLarge(size) };
    return { mode: modeOf(stats), oid, content: () => content, ...sizes, stats, converts: true };
  }

  #unfiltered(stats: Stats, filterNotRun: string): CleanFile {
    const content = (): never => {
      throw new TypeError(`the content behind filter "${filterNotRun}" is not known`);
    };
    const oid = "0".repeat(this.#context.format.bytes * 2);
    const sizes = { size: 0, contentSize: 0, large: false };
    return { mode: modeOf(stats), oid, content, ...sizes, stats, converts: true, filterNotRun };
  }

  #isLarge(size: number): boolean {
    return size > this.#context.bigFileThresholdBytes;
  }

  #hashWhole(
    path: BytePath,
    { content: bytes, stats }: ReadWorkFile,
    conversion: Conversion,
    indexOid: Oid | undefined,
  ): Hashed {
    const content = this.#convert(path, bytes, conversion, indexOid);
    const oid = hashBlob(content, this.#context.format);
    this.#contents.set(path, { oid, content });
    return { oid, contentSize: content.length, stats };
  }

  #convert(path: BytePath, content: Buffer, conversion: Conversion, indexOid: Oid | undefined): Buffer {
    if (!convertsText(conversion)) return content;
    try {
      return convertText(content, conversion, () => this.#indexed(indexOid));
    } catch (thrown) {
      if (!(thrown instanceof RangeError)) throw thrown;
      throw new TreewireError("TW_UNKNOWN_ENCODING", textOfBytes(path), { detail: thrown.message, cause: thrown });
    }
  }

  #indexed(oid: Oid | undefined): Uint8Array | undefined {
    return oid === undefined ? undefined : this.#context.readBlob(oid);
  }

  #readAgain(path: BytePath, place: FilePath, conversion: Conversion, indexOid: Oid | undefined, oid: Oid): Buffer {
    const kept = this.#contents.get(path);
    if (kept?.oid === oid) return kept.content;
    const content = this.#convert(path, readWorkFile(place).content, conversion, indexOid);
    // The caller has its id: other bytes under it would be a wrong answer.
    if (hashBlob(content, this.#context.format) !== oid) throw new WorkFileChangedError(place);
    return content;
  }

  async #filter(
    filter: Exclude<CleanFilter, { kind: "refused" }>,
    path: BytePath,
    place: FilePath,
    signal?: AbortSignal,
  ): Promise<ReadWorkFile> {
    const { root, filterLimits: limits } = this.#context;
    switch (filter.kind) {
      case "lfs":
        return withPieces(place, signal, async (pieces) => {
          const pointer = new LfsPointer();
          await pieces.each((piece) => pointer.update(piece));
          return { content: pointer.finish(), stats: pieces.stats };
        });
      case "missing":
        throw filterFailed(path, filter.name, "required, and not configured");
      case "command": {
        const filtered = await withPieces(place, signal, async ({ descriptor, stats }) => {
          const content = await runCleanCommand(filter, path, descriptor, { root, limits });
          return content && { content, stats };
        });
        return filtered ?? readWorkFile(place);
      }
      case "process": {
        const { content, stats } = readWorkFile(place);
        let process = this.#processes.get(filter.name);
        if (process === undefined) {
          process = new FilterProcess(filter, { root, limits });
          this.#processes.set(filter.name, process);
        }
        return { content: (await process.clean(path, content)) ?? content, stats };
      }
    }
  }

  /** The id of a file that is never held whole: raw, or with its line ends converted, which takes a look ahead. */
  #hashPieces(
    place: FilePath,
    { lineEndings }: Conversion,
    indexOid: Oid | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Hashed> {
    return withPieces(place, signal, async (pieces) => {
      let dropped = 0;
      if (lineEndings !== "keep") {
        const statistics = new TextStatistics();
        await pieces.each((piece) => {
          statistics.update(piece);
          return lineEndings === "convert" || !statistics.isSettled;
        });
        const converts =
          lineEndings === "convert" || !(statistics.looksBinary() || holdsCrlfText(this.#indexed(indexOid)));
        if (converts) dropped = statistics.crlfs;
      }
      const hash = startBlobHash(pieces.size - dropped, this.#context.format);
      let holdsNul: boolean | undefined;
      const counter = signal === undefined ? undefined : new LineCounter();
      if (dropped === 0) {
        await pieces.each((piece) => {
          holdsNul ??= piece.subarray(0, BINARY_LOOK_BYTES).includes(0);
          hash.update(piece);
          if (holdsNul === false) counter?.update(piece);
        });
      } else {
        const dropper = new CrlfConverter();
        let hashed = 0;
        const take = (piece: Buffer): void => {
          hash.update(piece);
          hashed += piece.length;
        };
        await pieces.each((piece) => take(dropper.push(piece)));
        take(dropper.finish());
        if (hashed !== pieces.size - dropped) throw new WorkFileChangedError(place);
      }
      return {
        oid: hash.digest("hex"),
        contentSize: pieces.size - dropped,
        holdsNul,
        lineCount: holdsNul === false ? counter?.finish() : undefined,
        stats: pieces.stats,
      };
    });
  }
}

/** A regular file's mode, as git records it. */
function modeOf({ mode }: Stats): number {
  return MODE_FILE | ((mode & 0o100) === 0 ? 0o644 : 0o755);
}

function isReadInPieces(conversion: Conversion, { size }: FileLook): boolean {
  return size > mostBytesOf(conversion);
}

/** So many bytes a file may have to be read whole. */
function mostBytesOf({ encoding, ident }: Conversion): number {
  return encoding === undefined && !ident ? PIECEWISE_FROM_BYTES : Number.POSITIVE_INFINITY;
}

async function withPieces<T>(
  place: FilePath,
  signal: AbortSignal | undefined,
  read: (pieces: WorkFilePieces) => Promise<T>,
): Promise<T> {
  const pieces = new WorkFilePieces(place, signal);
  try {
    return await read(pieces);
  } finally {
    pieces.close();
  }
}
