import { createHash } from "node:crypto";
import { readdirSync, rmSync, type Stats, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory, readCache, writeCache } from "../../util/index.js";
import type { IndexDirectory } from "./index-tree.js";
import { KnownListings, type SharedListings } from "./known-listings.js";

/** In smaller trees, reading a record takes as long as the listings that it saves. */
const WORTH_DIRECTORIES = 500;

/** Of so many trees there are records; the ones beyond that which were not written for longest go. */
const MAX_RECORDS = 100;

/** A record is written when so large a part of it is news. */
const NEWS_PART = 1 / 16;

/**
 * File systems of which it is known that a name never comes or goes without new times of its directory, by the magic number
 * that `statfs` gives (statfs(2)): ext2 to ext4, XFS, Btrfs, F2FS, ZFS, bcachefs, tmpfs and overlayfs.
 */
const RELIABLE: ReadonlySet<number> = new Set([
  ...[0xef53, 0x58465342, 0x9123683e, 0xf2f52010],
  ...[0x2fc12fc1, 0xca451a4e, 0x01021994, 0x794c7630],
]);

/**
 * What earlier looks at a working tree have proven of its directories, in the user's cache: where their times are the same,
 * they need not be listed again. Whatever is wrong with the record is no error: then all are listed.
 */
export class ListingRecord {
  readonly listings: SharedListings;
  readonly #file: string;
  /** What the record is about: another tree, or other directories, make another one. */
  readonly #subject: string;
  /** As it was read. */
  readonly #before: Float64Array;

  private constructor(file: string, subject: string, listings: SharedListings) {
    this.listings = listings;
    this.#file = file;
    this.#subject = subject;
    const kept = readKept(file, subject);
    if (kept?.length === listings.table.length) listings.table.set(kept);
    this.#before = listings.table.slice();
  }

  /**
   * @param root absolute path of the working tree @param directories in the order of the listings
   * @returns `undefined` where a record would be no gain, or could not be trusted
   */
  static open(
    root: string,
    directories: readonly IndexDirectory[],
    cache = cacheDirectory(process.env),
  ): ListingRecord | undefined {
    if (cache === undefined || directories.length < WORTH_DIRECTORIES) return undefined;
    const stats = reliableStats(root);
    if (stats === undefined) return undefined;
    const hash = createHash("sha256").update(`${process.arch}\0${root}\0`);
    for (const { path } of directories) hash.update(path, "latin1").update("\0");
    const name = createHash("sha256").update(root).digest("hex").slice(0, 32);
    const listings = KnownListings.empty(directories.length, stats.dev);
    return new ListingRecord(join(cache, "listings", name), hash.digest("hex"), listings);
  }

  /** Writes it, if there is enough news in it. */
  save(): void {
    const { table } = this.listings;
    const news = KnownListings.differences(table, this.#before);
    if (news <= (table.length / 4) * NEWS_PART) return;
    const body = Buffer.from(table.slice().buffer);
    writeCache(this.#file, [Buffer.from(`${this.#subject} ${sumOf(body)}\n`), body]);
    discardOldest(join(this.#file, ".."));
  }
}

function sumOf(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** @returns `undefined` where there is none of that subject, or it was damaged */
function readKept(file: string, subject: string): Float64Array | undefined {
  const bytes = readCache(file);
  if (bytes === undefined) return undefined;
  const start = bytes.indexOf(0x0a) + 1;
  const body = Buffer.from(bytes.subarray(start)); // at a place that numbers can be at
  if (bytes.toString("latin1", 0, start) !== `${subject} ${sumOf(body)}\n`) return undefined;
  if (body.length % Float64Array.BYTES_PER_ELEMENT !== 0) return undefined;
  return new Float64Array(body.buffer.slice(body.byteOffset, body.byteOffset + body.length));
}

/** @returns `undefined` where the times of directories prove nothing */
function reliableStats(root: string): Stats | undefined {
  try {
    return RELIABLE.has(Number(statfsSync(root).type) >>> 0) ? statSync(root) : undefined;
  } catch {
    return undefined; // the look that follows says what is wrong with the root
  }
}

function discardOldest(directory: string): void {
  try {
    const names = readdirSync(directory);
    if (names.length <= MAX_RECORDS) return;
    const files = names.map((name) => {
      const file = join(directory, name);
      return { file, writtenAt: statSync(file).mtimeMs };
    });
    files.sort((a, b) => b.writtenAt - a.writtenAt);
    for (const { file } of files.slice(MAX_RECORDS)) rmSync(file, { force: true });
  } catch {
    // another process was at it; the next one that writes a record does it
  }
}
