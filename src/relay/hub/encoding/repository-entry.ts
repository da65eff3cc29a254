import { createHash } from "node:crypto";
import {
  type ArrivedTexts,
  comparedFields,
  type FileChanges,
  type FittedFiles,
  filtersNotRun,
  findFile,
  lacksHunks,
  lastLines,
  omissionsOf,
  patchText,
  type RepositoryChange,
  secretsOf,
  type TreeFile,
  type TreeMeta,
  unifiedDiff,
} from "../../../protocol/index.js";
import { fileBytes } from "../../budgets/cost.js";
import { JsonParts } from "./json-parts.js";
import { pieces } from "./piece-cache.js";
import { TextFrame } from "./text-frame.js";

/**
 * Up to so many UTF-16 units of diffs are made JSON as one frame. They are six bytes each at worst (as `\u0001`), which is
 * less than what a client that does not read may cost.
 */
export const WHOLE_UNITS = 1024 * 1024;

/**
 * Larger ones are made JSON by so many units at a time: beside such a piece, a client that does not read may be the only
 * one that an old state is kept for, 6 MiB at worst.
 */
export const PIECE_UNITS = 128 * 1024;

/** What JSON makes of one UTF-16 unit at most, as of `\u0001`, in bytes. */
const UNIT_BYTES = 6;

/** What a surrogate pair that is cut in two between two pieces takes more, in bytes. */
const CUT_PAIR_BYTES = 2 * UNIT_BYTES - 4;

/** Of diffs that are shorter, and of fewer files, all JSON is made anew: to find what has changed takes about as long. */
const MIN_SPLICED_UNITS = 8 * 1024;
const MIN_SPLICED_FILES = 64;

/**
 * An entry whose JSON nobody has wanted yet may take most of it from that of an entry before, as long as the files that are
 * kept for it, and are others or none by now, cost no more bytes, by the estimate of budgets/cost.ts: no budget counts them.
 */
const MOST_OUTDATED_BYTES = 256 * 1024;

/** JSON of an entry's files, one behind the other in a piece. */
interface FilesJson {
  readonly files: readonly TreeFile[];
  /** Where each begins, in bytes, and where the last one ends. */
  readonly offsets: Uint32Array;
  /** Of the piece, which may have gone. */
  readonly name: string;
  /** What those of the files cost that are others or none by now, in bytes. */
  readonly outdatedBytes: number;
}

/** What JSON of an entry's files may be taken from while it is new. */
export interface EntrySources {
  /** The message that has led to it. */
  texts?: ArrivedTexts | undefined;
  /** The entry of the state before. */
  before?: RepositoryEntry | undefined;
}

/** What the files of an entry add up to. */
export interface EntryCount {
  /** UTF-16 units of their diff, with the lines that stand for what is not shown. */
  readonly shownUnits: number;
  /** Files of which something is not shown, so that the entry names them. */
  readonly named: number;
}

/**
 * A repository's entry in a `changes` message: JSON in UTF-8. An entry with a large diff comes in pieces, so that a client
 * that reads none is never owed more JSON than one. They are built when they are first wanted.
 */
export class RepositoryEntry {
  static #count = 0;
  /** No other entry of this process has the same. */
  readonly id = ++RepositoryEntry.#count;
  /** Up to the diff itself, which stands last. */
  readonly #head: string;
  /** Those whose diff it is: the tree's own list. None where a sentence stands in its place. */
  readonly #files: readonly TreeFile[];
  /** "" where it is the files' diff. */
  readonly #sentence: string;
  /** How many UTF-16 units the diff has. */
  readonly units: number;
  /** While the message is handled that has led to the entry: where JSON of its files may be taken from. */
  #sources: EntrySources | undefined;
  /** Where the JSON of each file begins in the entry's only piece, in bytes, and where that of the last one ends. */
  #offsets: Uint32Array | undefined;
  /** Pieces of it may be kept. */
  #keeps = true;
  /** Of an entry before, as long as there is none of this one. */
  #inherited: FilesJson | undefined;

  /** @param count of the files, where it is known: they are looked through for it otherwise */
  constructor(root: string, meta: TreeMeta, fitted: FittedFiles, count?: EntryCount) {
    const tooLargeBytes = meta.too_large_bytes || fitted.tooLargeBytes;
    const named = count?.named === 0 ? [] : fitted.files.filter(isNamed);
    const change: Omit<RepositoryChange, "unified_diff"> = {
      repo_root: root,
      branch: meta.branch,
      ...(meta.remote_origin !== "" && { remote_origin: meta.remote_origin }),
      ...omissionsOf(named, tooLargeBytes),
      ...filtersNotRun(named),
      ...secretsOf(named),
      ...(meta.health !== "" && { health: meta.health }),
      ...comparedFields(meta),
    };
    this.#head = `${JSON.stringify(change).slice(0, -1)},"unified_diff":`;
    this.#sentence = tooLargeBytes > 0 ? unifiedDiff([], tooLargeBytes) : "";
    this.#files = tooLargeBytes > 0 ? [] : fitted.files;
    this.units = tooLargeBytes > 0 ? this.#sentence.length : (count?.shownUnits ?? shownUnits(fitted.files));
  }

  /** What the entry takes at most, with a comma, in bytes: known without a look at what is escaped. */
  get maxBytes(): number {
    return this.#bytesAround(this.#head.length * 3) + this.units * UNIT_BYTES;
  }

  /** What it takes besides its diff, with a comma, in bytes. */
  get bytesAround(): number {
    return this.#bytesAround(Buffer.byteLength(this.#head));
  }

  #bytesAround(head: number): number {
    return head + '"",}'.length + (this.pieceCount - 1) * CUT_PAIR_BYTES;
  }

  get pieceCount(): number {
    return this.units <= WHOLE_UNITS ? 1 : Math.ceil(this.units / PIECE_UNITS);
  }

  /** How many UTF-16 units of the diff are in a piece. */
  unitsOf(at: number): number {
    return this.pieceCount === 1 ? this.units : Math.min(PIECE_UNITS, this.units - at * PIECE_UNITS);
  }

  /** @param at from 0 to `pieceCount` - 1 */
  piece(at: number): Buffer {
    const kept = pieces.get(this.#name(at));
    if (kept !== undefined) return kept;
    const piece = Buffer.concat(this.#json(at).map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
    if (this.#keeps) pieces.set(this.#name(at), piece);
    return piece;
  }

  /** An entry of one piece between other text. With the first such frame it shares its memory. */
  framed(head: string, tail: string): TextFrame {
    const kept = pieces.get(this.#name(0));
    if (kept !== undefined) return TextFrame.of(head, kept, tail);
    const frame = TextFrame.of(head, ...this.#json(0), tail);
    const { payload } = frame;
    if (this.#keeps) pieces.set(this.#name(0), payload.subarray(Buffer.byteLength(head), payload.length - tail.length));
    return frame;
  }

  /**
   * While `job` runs, JSON that is there already is not made anew.
   *
   * @param sources of the message that has led to the entry
   */
  withSources(sources: EntrySources, job: () => void): void {
    this.#sources = sources;
    try {
      job();
    } finally {
      this.#sources = undefined;
    }
  }

  #name(at: number): string {
    return `${this.id} ${at}`;
  }

  /**
   * There is a newer state: whoever has had a part of this one gets the rest, and nobody else any.
   *
   * @param next its entry, which may take over JSON @param changes what leads to its files
   */
  release(next?: RepositoryEntry, changes?: FileChanges): void {
    const known = this.#knownJson();
    const isInherited = known !== undefined && next !== undefined && changes !== undefined;
    const heir = isInherited ? next.#inherit(known, outdatedBytes(this.#files, changes)) : undefined;
    this.#keeps = false;
    this.#offsets = undefined;
    const names = [this.#inherited?.name, ...Array.from({ length: this.pieceCount }, (_, at) => this.#name(at))];
    for (const name of names) if (name !== undefined && name !== heir?.name) pieces.delete(name);
    this.#inherited = undefined;
  }

  /** @param bytes that the files cost which are others now @returns what was taken over */
  #inherit(known: FilesJson, bytes: number): FilesJson | undefined {
    const outdatedBytes = known.outdatedBytes + bytes;
    const isOfUse = this.#offsets === undefined && this.#isLong && this.pieceCount === 1;
    if (!isOfUse || outdatedBytes > MOST_OUTDATED_BYTES || !pieces.has(known.name)) return undefined;
    this.#inherited = { ...known, outdatedBytes };
    return this.#inherited;
  }

  /** Base64; what looks the same has the same. */
  digest(): string {
    const hash = createHash("sha256").update(this.#head);
    hash.update(this.#sentence);
    for (const file of this.#files) hash.update(patchText(file));
    return hash.digest("base64");
  }

  /** Whether clients would be shown the same. */
  equals(other: RepositoryEntry): boolean {
    return (
      this.units === other.units &&
      this.#head === other.#head &&
      this.#sentence === other.#sentence &&
      this.#files.length === other.#files.length &&
      this.#files.every((file, at) => samePatch(file, other.#files[at]))
    );
  }

  #json(at: number): (string | Buffer)[] {
    const isLast = at === this.pieceCount - 1;
    if (isLast && at === 0) return this.#files.length === 0 ? this.#sentenceJson() : this.#filesJson();
    // a surrogate pair that is cut in two is escaped in both pieces, and is a pair again when it is read
    const quoted = JSON.stringify(this.#slice(at * PIECE_UNITS, (at + 1) * PIECE_UNITS));
    return [
      ...(at === 0 ? [this.#head] : []),
      quoted.slice(at === 0 ? 0 : 1, isLast ? undefined : -1),
      isLast ? "}" : "",
    ];
  }

  #sentenceJson(): string[] {
    return [this.#head, JSON.stringify(this.#sentence), "}"];
  }

  /** Whether finding what has changed takes less than making all JSON anew. */
  get #isLong(): boolean {
    const { length } = this.#files;
    return length >= MIN_SPLICED_FILES || (length > 1 && this.units >= MIN_SPLICED_UNITS);
  }

  /** Each file's patch is made JSON by itself, so that its bytes are the same whatever is beside it. */
  #filesJson(): (string | Buffer)[] {
    const { texts, before } = this.#sources ?? {};
    const start = `${this.#head}"`;
    const parts = new JsonParts(start);
    const { length } = this.#files;
    const isSpliced = this.#isLong && this.#keeps;
    const offsets = isSpliced ? new Uint32Array(length + 1) : undefined;
    const known = isSpliced ? spliceable(before === undefined ? this.#inherited : before.#knownJson()) : undefined;
    let old = 0;
    for (const [at, file] of this.#files.entries()) {
      if (offsets !== undefined) offsets[at] = parts.bytes;
      while (known !== undefined && (known.files[old]?.key ?? file.key) < file.key) old += 1; // it is gone
      if (known?.files[old] === file) {
        parts.addPart(known.piece, known.offsets[old] ?? 0, known.offsets[old + 1] ?? 0);
        continue;
      }
      const arrived = isAsItCame(file) ? texts?.of(file) : undefined;
      if (arrived === undefined) parts.add(JSON.stringify(patchText(file)).slice(1, -1));
      else for (const json of [arrived.header, arrived.hunks]) parts.add(json);
    }
    offsets?.fill(parts.bytes, -1);
    this.#offsets = offsets;
    if (this.#inherited !== undefined) pieces.delete(this.#inherited.name);
    this.#inherited = undefined;
    return parts.closed('"}');
  }

  /** What the next entry need not make anew: the JSON of this entry's files, or what it has taken over. */
  #knownJson(): FilesJson | undefined {
    if (this.#offsets === undefined) return this.#inherited;
    return { files: this.#files, offsets: this.#offsets, name: this.#name(0), outdatedBytes: 0 };
  }

  #slice(start: number, end: number): string {
    let slice = "";
    let from = 0;
    for (const file of this.#files) {
      if (from >= end) break;
      const units = patchUnits(file);
      if (from + units > start) slice += patchText(file).slice(Math.max(0, start - from), end - from);
      from += units;
    }
    return slice;
  }
}

/** Whether an entry says more of it than its patch, or its patch is more, or less, than its header and its hunks. */
export function isNamed({ omitted_bytes, omitted_files, filter_not_run, withheld, masked }: TreeFile): boolean {
  const isPlain = omitted_files === undefined && filter_not_run === undefined && withheld === undefined;
  return !isPlain || omitted_bytes > 0 || masked !== undefined;
}

/** Whether its patch is its header and its hunks, and nothing else. */
export function isAsItCame(file: TreeFile): boolean {
  return !isNamed(file) || (!lacksHunks(file) && lastLines(file) === "");
}

/** With the piece, if that is there. */
function spliceable(known: FilesJson | undefined): (FilesJson & { piece: Buffer }) | undefined {
  const piece = known && pieces.get(known.name);
  return piece && { ...known, piece };
}

/** What those files cost that changes replace or remove, in bytes. */
function outdatedBytes(files: readonly TreeFile[], changes: FileChanges): number {
  let bytes = 0;
  for (const key of changes.keys()) {
    const file = findFile(files, key);
    if (file !== undefined) bytes += fileBytes(file);
  }
  return bytes;
}

/** How long the files' patches are together, in UTF-16 units. */
function shownUnits(files: readonly TreeFile[]): number {
  let units = 0;
  for (const file of files) units += patchUnits(file);
  return units;
}

/** How many UTF-16 units of an entry's diff are a file's. */
export function patchUnits(file: TreeFile): number {
  return isAsItCame(file) ? file.header.length + file.hunks.length : patchText(file).length;
}

function samePatch(one: TreeFile, other: TreeFile | undefined): boolean {
  return one === other || (other !== undefined && patchText(one) === patchText(other));
}
