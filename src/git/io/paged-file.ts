import { type FileReader, type OpenFile, RandomAccessFile } from "./random-access-file.js";

/** A page goes on behind its end for as many bytes as one read mostly has, so that no read needs two. */
const OVERLAP_BYTES = 4096;
/** Of indexes, which are asked for places all over them, as many parts are kept as 400,000 objects have. */
const INDEX_PAGES = { bytes: 2 ** 14, most: 768 };
/** Of packs, which are read from one commit to the next, a few. */
const PACK_PAGES = { bytes: 2 ** 14, most: 64 };

/**
 * How to open the files of packs for reads that are many, small and near to each other: the parts of them that were read
 * last are kept, 17 MiB at most.
 */
export function openForManyReads(): OpenFile {
  const packs = new PageCache(PACK_PAGES.bytes, PACK_PAGES.most);
  const indexes = new PageCache(INDEX_PAGES.bytes, INDEX_PAGES.most);
  return (path) => new PagedFile(path, path.endsWith(".pack") ? packs : indexes);
}

/** The parts of files that were read last. */
class PageCache {
  readonly pageBytes: number;
  readonly #most: number;
  readonly #pages = new Map<number, Buffer>();
  #files = 0;

  constructor(pageBytes: number, most: number) {
    this.pageBytes = pageBytes;
    this.#most = most;
  }

  /** What to add to the number of a page of one more file. */
  nextFile(): number {
    this.#files += 1;
    return this.#files * 2 ** 32;
  }

  /** A part of a file, as long as it is there. @param key of the file, with the page's number */
  page(key: number, file: RandomAccessFile, page: number): Buffer {
    const known = this.#pages.get(key);
    if (known !== undefined) return known;
    const bytes = Buffer.from(file.read(page * this.pageBytes, this.pageBytes + OVERLAP_BYTES)); // whose bytes the next read has
    if (this.#pages.size >= this.#most) this.#dropOldest();
    this.#pages.set(key, bytes);
    return bytes;
  }

  /** An eighth of them at once, so that a page costs little on its way out. */
  #dropOldest(): void {
    const left = this.#most - this.#most / 8;
    for (const key of this.#pages.keys()) {
      this.#pages.delete(key);
      if (this.#pages.size <= left) return;
    }
  }
}

class PagedFile implements FileReader {
  readonly path: string;
  readonly size: number;
  readonly #file: RandomAccessFile;
  readonly #cache: PageCache;
  readonly #firstKey: number;
  readonly #pageBytes: number;
  /** The page that was read last. */
  #page: Buffer = Buffer.alloc(0);
  #pageNumber = -1;

  /** @throws a system error when the file can't be opened */
  constructor(path: string, cache: PageCache) {
    this.path = path;
    this.#file = new RandomAccessFile(path);
    this.size = this.#file.size;
    this.#cache = cache;
    this.#pageBytes = cache.pageBytes;
    this.#firstKey = cache.nextFile();
  }

  read(position: number, length: number): Buffer {
    const at = position % this.#pageBytes;
    if (at + length > this.#pageBytes + OVERLAP_BYTES) return this.#file.read(position, length);
    return this.#pageOf(position).subarray(at, at + length);
  }

  uint32(position: number): number | undefined {
    const at = position % this.#pageBytes;
    const page = this.#pageOf(position);
    return at + 4 > page.length ? undefined : page.readUInt32BE(at);
  }

  close(): void {
    this.#file.close();
  }

  #pageOf(position: number): Buffer {
    const number = Math.floor(position / this.#pageBytes);
    if (number !== this.#pageNumber) {
      this.#page = this.#cache.page(this.#firstKey + number, this.#file, number);
      this.#pageNumber = number;
    }
    return this.#page;
  }
}
