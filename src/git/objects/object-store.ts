import { resolve } from "node:path";
import { messageOf, TreewireError } from "../../util/index.js";
import { corrupt, listNames, readWhole } from "../io/files.js";
import { openForManyReads } from "../io/paged-file.js";
import { type OpenFile, openFile } from "../io/random-access-file.js";
import { BaseCache } from "./base-cache.js";
import type { GitObject } from "./git-object.js";
import { looseObjectSize, readLooseObject } from "./loose-object.js";
import type { Oid } from "./object-id.js";
import { hashObject, isOid, type ObjectFormat } from "./object-id.js";
import { applyDelta, deltaResultSize } from "./pack-delta.js";
import { type Pack, PackDirectory } from "./pack-directory.js";
import type { PackFile } from "./pack-file.js";
import { replacementOf } from "./replacements.js";

/** A chain of deltas is at most 4,095 long when git writes it; a longer one is damage, or made to hang readers. */
const MAX_DELTA_CHAIN = 10_000;
/** Git takes fewer digits for no abbreviation. */
const MIN_PREFIX = 4;
/** Alternates name alternates no deeper than this, as in git. */
const MAX_ALTERNATE_DEPTH = 5;

/**
 * The objects of a repository: loose, packed, and those of its alternates. Reads are synchronous (the room runs in a
 * worker thread), memory is bounded by the {@link BaseCache} and the object that is read.
 */
export class ObjectStore {
  readonly #objectsDirectory: string;
  readonly #format: ObjectFormat;
  readonly #openFile: OpenFile;
  readonly #bases = new BaseCache();
  readonly #readReplacements: () => ReadonlyMap<Oid, Oid>;
  #replacements: ReadonlyMap<Oid, Oid> | undefined;
  #directories: { path: string; packs: PackDirectory }[] | undefined;

  /**
   * @param objectsDirectory absolute path of `objects`
   * @param readReplacements reads which object replaces which; default: none does
   * @param open how files of packs are read
   */
  constructor(
    objectsDirectory: string,
    format: ObjectFormat,
    readReplacements: () => ReadonlyMap<Oid, Oid> = () => new Map(),
    open: OpenFile = openFile,
  ) {
    this.#openFile = open;
    this.#readReplacements = readReplacements;
    this.#objectsDirectory = objectsDirectory;
    this.#format = format;
  }

  /** Whether some objects are replaced by others: then equal ids of trees do not prove that the trees are equal. */
  get hasReplacements(): boolean {
    return this.replacements.size > 0;
  }

  /** Which object replaces which. */
  get replacements(): ReadonlyMap<Oid, Oid> {
    this.#replacements ??= this.#readReplacements();
    return this.#replacements;
  }

  /**
   * Reads an object, or the one that replaces it.
   *
   * @param asked full hexadecimal id
   * @throws TreewireError `TW_CORRUPT_REPOSITORY` naming the object that is missing or the file that is damaged;
   *   `TW_NOT_FETCHED` for an object that a partial clone lacks
   */
  read(asked: Oid): GitObject {
    const oid = this.#replaced(asked);
    return this.#ask(
      Buffer.from(oid, "hex"),
      (pack, offset) => this.#verify(oid, this.#readEntry(pack, offset), pack.path),
      (directory) => {
        const object = readLooseObject(directory, oid);
        return object && this.#verify(oid, object, directory);
      },
    );
  }

  /**
   * The same for walks over history, which read a hundred thousand commits: without hashing what is read, as in git, and
   * of a commit no more than to the line of its committer, if that is less.
   *
   * @param asked the bytes of the id
   * @returns an object whose content stays until the next call
   * @throws like {@link read}
   */
  readCommitStart(asked: Buffer): GitObject {
    const key = this.replacements.size === 0 ? asked : Buffer.from(this.#replaced(asked.toString("hex")), "hex");
    const found = this.#firstPacked(key);
    if (found !== undefined) return found;
    return this.#ask(
      key,
      (pack, offset) => this.#readEntry(pack, offset),
      (directory) => readLooseObject(directory, key.toString("hex")),
    );
  }

  /**
   * The ids of the objects that begin so, each once, in no order. As git, it asks for four digits at least.
   *
   * @param prefix lower-case hexadecimal digits
   * @param limit of those that are looked for in one place
   */
  withPrefix(prefix: string, limit: number): Oid[] {
    if (prefix.length < MIN_PREFIX) return [];
    const loose = (path: string): Oid[] =>
      listNames(`${path}/${prefix.slice(0, 2)}`)
        .map((name) => prefix.slice(0, 2) + name)
        .filter((oid) => oid.startsWith(prefix) && isOid(oid, this.#format));
    const found = this.#allDirectories().flatMap(({ path, packs }) => [
      ...packs.withPrefix(prefix, limit),
      ...loose(path),
    ]);
    return [...new Set(found)];
  }

  /** An object's size in bytes, without reading its content. @throws like {@link read} */
  size(asked: Oid): number {
    const oid = this.#replaced(asked);
    return this.#ask(
      Buffer.from(oid, "hex"),
      (pack, offset) => {
        const { entry, start } = fileOf(pack).readHeader(offset);
        if (entry.kind === "whole") return entry.size;
        return asDamage(pack, offset, () => deltaResultSize(start));
      },
      (directory) => looseObjectSize(directory, oid),
    );
  }

  /** Looks for replacements again at the next question. */
  forgetReplacements(): void {
    this.#replacements = undefined;
  }

  /** Lists packs and alternates again at the next question, and closes what is open. */
  refresh(): void {
    for (const { packs } of this.#directories ?? []) packs.close();
    this.#directories = undefined;
    this.#bases.clear();
  }

  /** What most reads of commits come to; whatever is larger, or not as it should be, is left to {@link #ask}. */
  #firstPacked(key: Buffer): GitObject | undefined {
    try {
      for (const { packs } of this.#allDirectories()) {
        const place = packs.first(key);
        const content = place?.pack.file()?.readCommitStart(place.offset);
        if (content !== undefined) return { type: "commit", content };
        if (place !== undefined) return undefined;
      }
    } catch (thrown) {
      if (!(thrown instanceof TreewireError)) throw thrown;
    }
    return undefined;
  }

  /** The same objects, for many reads that are near to each other: to be closed by {@link refresh}. */
  forManyReads(): ObjectStore {
    return new ObjectStore(this.#objectsDirectory, this.#format, () => this.replacements, openForManyReads());
  }

  #replaced(oid: Oid): Oid {
    return this.replacements.size === 0 ? oid : replacementOf(oid, this.replacements);
  }

  #ask<T>(key: Buffer, packed: (pack: Pack, offset: number) => T, loose: (directory: string) => T | undefined): T {
    const found = this.#askOnce(key, packed, loose);
    if (found !== undefined) return found;
    // Git may have packed, or repacked, since the packs were listed.
    this.refresh();
    const later = this.#askOnce(key, packed, loose);
    if (later !== undefined) return later;
    const oid = key.toString("hex");
    const isPartial = this.#allDirectories().some(({ packs }) => packs.isPartial);
    if (isPartial) throw new TreewireError("TW_NOT_FETCHED", `object ${oid}`, { detail: this.#objectsDirectory });
    throw corrupt(`object ${oid}`, `missing from ${this.#objectsDirectory}`);
  }

  /** Asks each directory in turn; when a copy is damaged, another one may be whole, and git reads that, too. */
  #askOnce<T>(
    key: Buffer,
    packed: (pack: Pack, offset: number) => T,
    loose: (directory: string) => T | undefined,
  ): T | undefined {
    let failure: unknown;
    for (const ask of [
      ({ packs }: { packs: PackDirectory }) => {
        for (const { pack, offset } of packs.find(key)) {
          try {
            if (pack.file() !== undefined) return packed(pack, offset);
          } catch (thrown) {
            failure ??= thrown;
          }
        }
        return undefined;
      },
      ({ path }: { path: string }) => loose(path),
    ]) {
      for (const directory of this.#allDirectories()) {
        try {
          const found = ask(directory);
          if (found !== undefined) return found;
        } catch (thrown) {
          failure ??= thrown;
        }
      }
    }
    if (failure !== undefined) throw failure;
    return undefined;
  }

  /** A damaged pack index leads to another object, which is whole by itself. Hashing takes a tenth of inflating. */
  #verify(oid: Oid, object: GitObject, place: string): GitObject {
    if (hashObject(object.type, object.content, this.#format) === oid) return object;
    throw corrupt(place, `another object is in the place of ${oid}`);
  }

  /** Follows a chain of deltas down to a whole object, then applies them on the way back. */
  #readEntry(pack: Pack, start: number): GitObject {
    const chain: { offset: number; delta: Buffer }[] = [];
    let offset = start;
    const kept = this.#bases.get(pack.id, offset);
    if (kept !== undefined) return { type: kept.type, content: Buffer.from(kept.content) };
    let object: GitObject | undefined;
    while (object === undefined) {
      const { entry, data } = fileOf(pack).read(offset);
      if (entry.kind === "whole") {
        object = { type: entry.type, content: data };
        if (chain.length > 0) this.#bases.set(pack.id, offset, entry.type, data);
      } else {
        chain.push({ offset, delta: data });
        if (chain.length > MAX_DELTA_CHAIN) throw corrupt(pack.path, `object at ${start}: endless chain of deltas`);
        offset = typeof entry.base === "number" ? entry.base : baseOffset(pack, entry.base, offset);
        object = this.#bases.get(pack.id, offset);
      }
    }
    for (let step = chain.pop(); step !== undefined; step = chain.pop()) {
      const base: GitObject = object;
      const { offset, delta } = step;
      const content: Buffer = asDamage(pack, offset, () => applyDelta(base.content, delta));
      if (chain.length > 0) this.#bases.set(pack.id, offset, base.type, content);
      object = { type: base.type, content };
    }
    return object;
  }

  #allDirectories(): { path: string; packs: PackDirectory }[] {
    this.#directories ??= objectDirectories(this.#objectsDirectory, 0).map((path) => ({
      path,
      packs: new PackDirectory(`${path}/pack`, this.#format.bytes, this.#openFile),
    }));
    return this.#directories;
  }
}

function fileOf(pack: Pack): PackFile {
  const file = pack.file();
  if (file === undefined) throw corrupt(pack.path, "gone while it was read");
  return file;
}

/** The base of a delta is in the same pack, unless the pack is damaged: only packs on the wire may lack it. */
function baseOffset(pack: Pack, oid: Buffer, offset: number): number {
  const base = pack.index()?.offset(oid);
  if (base === undefined) throw corrupt(pack.path, `object at ${offset}: its base is missing`);
  return base;
}

function asDamage<T>(pack: Pack, offset: number, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw corrupt(pack.path, `object at ${offset}: ${messageOf(thrown)}`, thrown);
  }
}

/** An `objects` directory and those that its `info/alternates` name, in turn. @throws TreewireError `TW_PATH_UNREADABLE` */
export function objectDirectories(directory: string, depth = 0, seen = new Set<string>()): string[] {
  if (seen.has(directory) || depth > MAX_ALTERNATE_DEPTH) return [];
  seen.add(directory);
  const lines = readWhole(`${directory}/info/alternates`)?.bytes.toString().split("\n") ?? [];
  const alternates = lines.filter((line) => line !== "" && !line.startsWith("#"));
  return [directory, ...alternates.flatMap((line) => objectDirectories(resolve(directory, line), depth + 1, seen))];
}
