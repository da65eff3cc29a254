import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { messageOf, systemCode, TreewireError } from "../util/index.js";
import { ByteCache } from "./byte-cache.js";
import { applyDelta } from "./delta.js";
import { corrupt, isAbsent, readWhole } from "./files.js";
import { readLooseObject } from "./loose-object.js";
import type { ObjectFormat } from "./object-id.js";
import { type ObjectType, PackFile } from "./pack-file.js";
import { PackIndex } from "./pack-index.js";
import type { Oid } from "./types.js";

export interface GitObject {
  type: ObjectType;
  content: Buffer;
}

/** A chain of deltas is at most 4,095 long when git writes it; a longer one is damage, or made to hang readers. */
const MAX_DELTA_CHAIN = 10_000;
/** Bases of deltas kept for the next object of the same family, in bytes. */
const BASE_CACHE_BYTES = 16 * 2 ** 20;
/** Packs whose files are held open at once. */
const MAX_OPEN_PACKS = 64;
/** Alternates name alternates no deeper than this, as in git. */
const MAX_ALTERNATE_DEPTH = 5;

/** One pack with its index, opened on first use. */
interface Pack {
  readonly path: string;
  open: { index: PackIndex; file: PackFile } | undefined;
  /** Why it can't be read, until the packs are listed again. */
  failure: unknown;
}

/**
 * The objects of a repository: loose, packed, and those of its alternates. Reads are synchronous (the room runs in a
 * worker thread), memory is bounded by {@link BASE_CACHE_BYTES} and the object that is read.
 */
export class ObjectStore {
  readonly #objectsDirectory: string;
  readonly #format: ObjectFormat;
  readonly #bases = new ByteCache<GitObject>(BASE_CACHE_BYTES);
  #directories: string[] | undefined;
  /** The most recently used first: neighbours in history are neighbours in packs. */
  #packs: Pack[] | undefined;

  /** @param objectsDirectory absolute path of `objects` */
  constructor(objectsDirectory: string, format: ObjectFormat) {
    this.#objectsDirectory = objectsDirectory;
    this.#format = format;
  }

  /**
   * @param oid full hexadecimal
   * @throws TreewireError `TW_CORRUPT_REPOSITORY` naming the object that is missing or the file that is damaged
   */
  read(oid: Oid): GitObject {
    const found = this.#readIfPresent(oid);
    if (found !== undefined) return found;
    // Git may have packed, or repacked, since the packs were listed.
    this.refresh();
    const later = this.#readIfPresent(oid);
    if (later !== undefined) return later;
    throw this.#failureOf() ?? corrupt(`object ${oid}`, `missing from ${this.#objectsDirectory}`);
  }

  /** Lists packs and alternates again at the next question, and closes what is open. */
  refresh(): void {
    for (const pack of this.#packs ?? []) closePack(pack);
    this.#packs = undefined;
    this.#directories = undefined;
    this.#bases.clear();
  }

  #readIfPresent(oid: Oid): GitObject | undefined {
    let failure: unknown;
    const key = Buffer.from(oid, "hex");
    const sources = [() => this.#readPacked(key), () => this.#readLoose(oid)];
    for (const source of sources) {
      try {
        const found = source();
        if (found !== undefined) return found;
      } catch (thrown) {
        // Another copy may be whole: git looks there too.
        failure ??= thrown;
      }
    }
    if (failure !== undefined) throw failure;
    return undefined;
  }

  #readLoose(oid: Oid): GitObject | undefined {
    for (const directory of this.#allDirectories()) {
      const found = readLooseObject(directory, oid);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #readPacked(oid: Buffer): GitObject | undefined {
    let failure: unknown;
    const packs = this.#allPacks();
    for (const [place, pack] of packs.entries()) {
      try {
        const offset = this.#open(pack)?.index.offset(oid);
        if (offset === undefined) continue;
        if (place > 0) {
          packs.splice(place, 1);
          packs.unshift(pack);
        }
        return this.#readEntry(pack, offset);
      } catch (thrown) {
        failure ??= thrown;
      }
    }
    if (failure !== undefined) throw failure;
    return undefined;
  }

  /** Follows a chain of deltas down to a whole object, then applies them on the way back. */
  #readEntry(pack: Pack, start: number): GitObject {
    const chain: { offset: number; delta: Buffer }[] = [];
    let offset = start;
    let object: GitObject | undefined;
    while (object === undefined) {
      object = this.#bases.get(`${offset} ${pack.path}`);
      if (object !== undefined) break;
      const file = this.#open(pack)?.file;
      if (file === undefined) throw corrupt(pack.path, "gone while it was read");
      const { entry, data } = file.read(offset);
      if (entry.kind === "whole") object = { type: entry.type, content: data };
      else {
        chain.push({ offset, delta: data });
        if (chain.length > MAX_DELTA_CHAIN) throw corrupt(pack.path, `object at ${start}: endless chain of deltas`);
        if (typeof entry.base === "number") offset = entry.base;
        else {
          const base = this.#open(pack)?.index.offset(entry.base);
          // In a pack on disk the base stands in the same pack; elsewhere only in a damaged one.
          if (base === undefined) throw corrupt(pack.path, `object at ${offset}: its base is missing`);
          offset = base;
        }
      }
    }
    for (let step = chain.pop(); step !== undefined; step = chain.pop()) {
      this.#bases.set(`${offset} ${pack.path}`, object, object.content.length);
      try {
        object = { type: object.type, content: applyDelta(object.content, step.delta) };
      } catch (thrown) {
        throw corrupt(pack.path, `object at ${step.offset}: ${messageOf(thrown)}`, thrown);
      }
      offset = step.offset;
    }
    return object;
  }

  #open(pack: Pack): Pack["open"] {
    if (pack.open !== undefined) return pack.open;
    if (pack.failure !== undefined) throw pack.failure;
    const open = this.#packs?.filter((other) => other.open !== undefined) ?? [];
    if (open.length >= MAX_OPEN_PACKS) closePack(open[open.length - 1]);
    let index: PackIndex | undefined;
    try {
      index = new PackIndex(pack.path.replace(/pack$/, "idx"), this.#format.bytes);
      pack.open = { index, file: new PackFile(pack.path, this.#format.bytes) };
      return pack.open;
    } catch (thrown) {
      index?.close();
      // A repack took it away: what it held is in another pack, found when the packs are listed again.
      if (isAbsent(thrown)) return undefined;
      pack.failure = thrown instanceof TreewireError ? thrown : corrupt(pack.path, messageOf(thrown), thrown);
      throw pack.failure;
    }
  }

  #failureOf(): unknown {
    return this.#packs?.find((pack) => pack.failure !== undefined)?.failure;
  }

  #allPacks(): Pack[] {
    this.#packs ??= this.#allDirectories().flatMap((directory) => listPacks(`${directory}/pack`));
    return this.#packs;
  }

  #allDirectories(): string[] {
    this.#directories ??= listDirectories(this.#objectsDirectory, 0);
    return this.#directories;
  }
}

function closePack(pack: Pack | undefined): void {
  pack?.open?.index.close();
  pack?.open?.file.close();
  if (pack !== undefined) pack.open = undefined;
}

/** Newest name order does not matter: any copy of an object is as good. */
function listPacks(directory: string): Pack[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (thrown) {
    if (isAbsent(thrown)) return [];
    throw new TreewireError("TW_PATH_UNREADABLE", directory, { detail: systemCode(thrown) ?? "", cause: thrown });
  }
  const present = new Set(names);
  return names
    .filter((name) => name.endsWith(".pack") && present.has(name.replace(/pack$/, "idx")))
    .map((name) => ({ path: `${directory}/${name}`, open: undefined, failure: undefined }));
}

/** An `objects` directory and those that its `info/alternates` name, in turn. */
function listDirectories(directory: string, depth: number, seen = new Set<string>()): string[] {
  if (seen.has(directory) || depth > MAX_ALTERNATE_DEPTH) return [];
  seen.add(directory);
  const lines = readWhole(`${directory}/info/alternates`)?.bytes.toString().split("\n") ?? [];
  const alternates = lines.filter((line) => line !== "" && !line.startsWith("#"));
  return [directory, ...alternates.flatMap((line) => listDirectories(resolve(directory, line), depth + 1, seen))];
}
