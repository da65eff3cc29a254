import { isAbsent, TreewireError } from "../../util/index.js";
import { corrupt, readWhole } from "../io/files.js";
import { openForManyReads } from "../io/paged-file.js";
import { type FileReader, type OpenFile, RandomAccessFile } from "../io/random-access-file.js";
import { chunksOf, type FileChunk } from "./chunks.js";
import type { ObjectFormat } from "./object-id.js";
import { OidTable } from "./oid-table.js";

/** A commit without this parent. */
const NO_PARENT = 0x70000000;
/** Set of the second parent: the rest is a place in the list of further parents; set in that list: it is the last. */
const HIGH_BIT = 0x80000000;
const HEAD_BYTES = 8;
/** Files of one chain; git merges them long before. */
const MAX_LAYERS = 1000;

/**
 * The commits that git noted with their parents and dates (`git commit-graph write`, `git gc`), each by its position: one
 * file, or a chain of them, each on top of the ones before.
 * Format: <https://git-scm.com/docs/gitformat-commit-graph>.
 */
export class CommitGraph {
  /** How many commits there are: positions are below it. */
  readonly count: number;
  /** Whether every file has corrected dates: git orders commits by them then. */
  readonly hasCorrectedDates: boolean;
  readonly #layers: readonly Layer[];

  private constructor(layers: readonly Layer[]) {
    this.#layers = layers;
    this.count = layers.reduce((sum, { count }) => sum + count, 0);
    this.hasCorrectedDates = layers.every(({ hasCorrectedDates }) => hasCorrectedDates);
  }

  /**
   * @param directories the `objects` directories, the repository's own first, those of its alternates after it
   * @returns `undefined` where there is none, or none that can be read: what it says stands in the commits as well
   */
  static open(directories: readonly string[], format: ObjectFormat): CommitGraph | undefined {
    const open = openForManyReads();
    for (const directory of directories) {
      const layers: Layer[] = [];
      try {
        for (const path of layerPaths(directory, directories)) {
          layers.push(openLayer(path, format, layers, open));
        }
        if (layers.length > 0) return new CommitGraph(layers);
      } catch (thrown) {
        for (const layer of layers) layer.close();
        if (!(thrown instanceof TreewireError) && !isAbsent(thrown)) throw thrown;
      }
    }
    return undefined;
  }

  /** @returns the commit's position, or -1 */
  find(oid: Uint8Array): number {
    for (let at = this.#layers.length - 1; at >= 0; at -= 1) {
      const layer = this.#layers[at];
      const place = layer?.find(oid) ?? -1;
      if (layer !== undefined && place >= 0) return layer.base + place;
    }
    return -1;
  }

  /** The id of the commit at a position: bytes that are valid until the next call. */
  oid(position: number): Buffer {
    const layer = this.#layerOf(position);
    return layer.oid(position - layer.base);
  }

  /** When it was committed, in seconds since 1970. */
  date(position: number): number {
    const layer = this.#layerOf(position);
    return layer.date(position - layer.base);
  }

  /** More than that of each of its parents; 0 unless {@link hasCorrectedDates}. */
  correctedDate(position: number): number {
    const layer = this.#layerOf(position);
    return layer.correctedDate(position - layer.base);
  }

  /** The positions of its parents, in order. */
  parents(position: number): number[] {
    const layer = this.#layerOf(position);
    return layer.parents(position - layer.base);
  }

  close(): void {
    for (const layer of this.#layers) layer.close();
  }

  #layerOf(position: number): Layer {
    for (let at = this.#layers.length - 1; at >= 0; at -= 1) {
      const layer = this.#layers[at];
      if (layer !== undefined && position >= layer.base) return layer;
    }
    throw new RangeError(`no commit at ${position}`);
  }
}

/** The files of a directory's commit graph, the lowest first. */
function layerPaths(directory: string, directories: readonly string[]): string[] {
  const single = `${directory}/info/commit-graph`;
  const chain = readWhole(`${directory}/info/commit-graphs/commit-graph-chain`)?.bytes.toString("latin1");
  if (readable(single)) return [single];
  const hashes = chain?.split("\n").filter((line) => /^[0-9a-f]{40,64}$/.test(line)) ?? [];
  return hashes.slice(0, MAX_LAYERS).map((hash) => {
    const paths = directories.map((place) => `${place}/info/commit-graphs/graph-${hash}.graph`);
    const path = paths.find(readable);
    if (path === undefined) throw corrupt(paths[0] ?? hash, "missing from the chain of commit graphs");
    return path;
  });
}

function readable(path: string): boolean {
  try {
    new RandomAccessFile(path).close();
    return true;
  } catch (thrown) {
    if (isAbsent(thrown)) return false;
    throw thrown;
  }
}

function openLayer(path: string, format: ObjectFormat, below: readonly Layer[], open: OpenFile): Layer {
  const file = open(path);
  try {
    return new Layer(file, format, below);
  } catch (thrown) {
    file.close();
    throw thrown;
  }
}

/** One file of a commit graph. */
class Layer {
  readonly count: number;
  /** How many commits the files below it have. */
  readonly base: number;
  readonly hasCorrectedDates: boolean;
  readonly #file: FileReader;
  readonly #oidBytes: number;
  readonly #oids: OidTable;
  readonly #oidsAt: number;
  readonly #commits: FileChunk;
  readonly #edges: FileChunk | undefined;
  readonly #dates: FileChunk | undefined;
  readonly #largeDates: FileChunk | undefined;

  constructor(file: FileReader, format: ObjectFormat, below: readonly Layer[]) {
    const { path } = file;
    const head = Buffer.from(file.read(0, HEAD_BYTES));
    const hash = format.name === "sha1" ? 1 : 2;
    if (head.toString("latin1", 0, 4) !== "CGPH" || head[4] !== 1 || head[5] !== hash) {
      throw corrupt(path, "not a commit graph");
    }
    if (head[7] !== below.length) throw corrupt(path, "not made for the files below it");
    const chunks = chunksOf(file, HEAD_BYTES, head[6] ?? 0);
    const chunk = (name: string): FileChunk => {
      const found = chunks.get(name);
      if (found === undefined) throw corrupt(path, `no chunk ${name}`);
      return found;
    };
    this.#file = file;
    this.#oidBytes = format.bytes;
    this.#oidsAt = chunk("OIDL").start;
    this.#oids = new OidTable(file, {
      fanout: chunk("OIDF").start,
      oids: this.#oidsAt,
      stride: format.bytes,
      oidBytes: format.bytes,
    });
    this.count = this.#oids.count;
    this.base = below.reduce((sum, { count }) => sum + count, 0);
    this.#commits = chunk("CDAT");
    this.#edges = chunks.get("EDGE");
    this.#dates = chunks.get("GDA2");
    this.#largeDates = chunks.get("GDO2");
    this.hasCorrectedDates = this.#dates !== undefined;
    if (this.#commits.length < this.count * (format.bytes + 16)) throw corrupt(path, "too short for its commits");
    if (this.#dates !== undefined && this.#dates.length < this.count * 4)
      throw corrupt(path, "too short for its dates");
  }

  find(oid: Uint8Array): number {
    return this.#oids.find(oid);
  }

  oid(place: number): Buffer {
    return this.#file.read(this.#oidsAt + place * this.#oidBytes, this.#oidBytes);
  }

  date(place: number): number {
    const at = this.#rowOf(place) + 8;
    return (this.#uint32(at) & 3) * 2 ** 32 + this.#uint32(at + 4);
  }

  correctedDate(place: number): number {
    if (this.#dates === undefined) return 0;
    const offset = this.#uint32(this.#dates.start + place * 4);
    if (offset < HIGH_BIT) return this.date(place) + offset;
    const at = (this.#largeDates?.start ?? 0) + (offset - HIGH_BIT) * 8;
    return this.date(place) + this.#uint32(at) * 2 ** 32 + this.#uint32(at + 4);
  }

  parents(place: number): number[] {
    const at = this.#rowOf(place);
    const [first, second] = [this.#uint32(at), this.#uint32(at + 4)];
    if (first === NO_PARENT) return [];
    if (second === NO_PARENT) return [this.#checked(first)];
    if (second < HIGH_BIT) return [this.#checked(first), this.#checked(second)];
    const parents = [this.#checked(first)];
    const edges = this.#edges;
    for (let edge = second - HIGH_BIT; ; edge += 1) {
      if (edges === undefined || (edge + 1) * 4 > edges.length) throw corrupt(this.#file.path, "parents out of range");
      const parent = this.#uint32(edges.start + edge * 4);
      parents.push(this.#checked(parent % HIGH_BIT));
      if (parent >= HIGH_BIT) return parents;
    }
  }

  close(): void {
    this.#file.close();
  }

  #rowOf(place: number): number {
    return this.#commits.start + place * (this.#oidBytes + 16) + this.#oidBytes;
  }

  #uint32(position: number): number {
    const value = this.#file.uint32(position);
    if (value === undefined) throw corrupt(this.#file.path, "ends early");
    return value;
  }

  #checked(parent: number): number {
    if (parent >= this.base + this.count) throw corrupt(this.#file.path, "a parent out of range");
    return parent;
  }
}
