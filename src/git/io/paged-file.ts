import { type FileReader, type OpenFile, RandomAccessFile } from "./random-access-file.js";

/** Of indexes, which are asked for places all over them, as many parts are kept as 350,000 objects have. */
const INDEX_PAGES = { bytes: 2 ** 12, overlap: 1280, most: 2560 };
/** Of packs, which are read from one commit to the next, a few. */
const PACK_PAGES = { bytes: 2 ** 14, overlap: 4096, most: 64 };

/**
 * How to open the files of packs for reads that are many, small and near to each other: the parts of them that were read
 * last are kept, 15 MiB at most for all files.
 */
export function openForManyReads(): OpenFile {
  const { packs, indexes } = caches?.deref() ?? newCaches();
  return (path) => new PagedFile(path, path.endsWith(".pack") ? packs : indexes);
}

interface Caches {
  packs: PageCache;
  indexes: PageCache;
}

/** Of all that use them, and of the one that comes next unless the memory is wanted before. */
let caches: WeakRef<Caches> | undefined;

function newCaches(): Caches {
  const made = { packs: new PageCache(PACK_PAGES), indexes: new PageCache(INDEX_PAGES) };
  caches = new WeakRef(made);
  return made;
}

/** A part of a file. */
interface Page {
  /** Of the file, with the part's number. */
  key: number;
  readonly buffer: Buffer;
  /** As much of the buffer as the file has. */
  length: number;
}

/** The parts of files that were read last. Their memory is used again, as garbage outside of the heap piles up. */
class PageCache {
  readonly pageBytes: number;
  /** A page goes on behind its end for as many bytes as one read mostly has, so that no read needs two. */
  readonly #overlap: number;
  readonly #most: number;
  readonly #byKey = new Map<number, Page>();
  readonly #pages: Page[] = [];
  #next = 0;
  #files = 0;

  constructor({ bytes, overlap, most }: { bytes: number; overlap: number; most: number }) {
    this.pageBytes = bytes;
    this.#overlap = overlap;
    this.#most = most;
  }

  /** What to add to the number of a page of one more file. */
  nextFile(): number {
    this.#files += 1;
    return this.#files * 2 ** 32;
  }

  /** A part of a file, until another one is asked for. @param key of the file, with the page's number */
  page(key: number, file: RandomAccessFile, number: number): Page {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const page = this.#freePage();
    this.#byKey.delete(page.key);
    page.key = -1; // should the read fail
    page.length = file.readInto(page.buffer, number * this.pageBytes);
    page.key = key;
    this.#byKey.set(key, page);
    return page;
  }

  /** A new one, or the one that was read first. */
  #freePage(): Page {
    const oldest = this.#pages[this.#next];
    this.#next = (this.#next + 1) % this.#most;
    if (oldest !== undefined) return oldest;
    const page = { key: -1, buffer: Buffer.allocUnsafeSlow(this.pageBytes + this.#overlap), length: 0 };
    this.#pages.push(page);
    return page;
  }
}

class PagedFile implements FileReader {
  readonly path: string;
  readonly size: number;
  readonly #file: RandomAccessFile;
  readonly #cache: PageCache;
  readonly #firstKey: number;
  /** The page that was asked for last, which may have become another one since. */
  #last: Page | undefined;

  /** @throws a system error when the file can't be opened */
  constructor(path: string, cache: PageCache) {
    this.path = path;
    this.#file = new RandomAccessFile(path);
    this.size = this.#file.size;
    this.#cache = cache;
    this.#firstKey = cache.nextFile();
  }

  read(position: number, length: number): Buffer {
    const at = position % this.#cache.pageBytes;
    const { buffer, length: end } = this.#pageOf(position);
    // what a page does not hold whole, as few things are, is read by itself
    if (at + length > end && end === buffer.length) return this.#file.read(position, length);
    return buffer.subarray(Math.min(at, end), Math.min(at + length, end));
  }

  uint32(position: number): number | undefined {
    const at = position % this.#cache.pageBytes;
    const { buffer, length } = this.#pageOf(position);
    return at + 4 > length ? undefined : buffer.readUInt32BE(at);
  }

  close(): void {
    this.#file.close();
  }

  #pageOf(position: number): Page {
    const number = Math.floor(position / this.#cache.pageBytes);
    const key = this.#firstKey + number;
    if (this.#last?.key !== key) this.#last = this.#cache.page(key, this.#file, number);
    return this.#last;
  }
}
