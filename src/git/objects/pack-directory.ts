import { isAbsent, messageOf, TreewireError } from "../../util/index.js";
import { corrupt, listNames, unreadable } from "../io/files.js";
import { type OpenFile, openFile } from "../io/random-access-file.js";
import { MultiPackIndex } from "./multi-pack-index.js";
import type { Oid } from "./object-id.js";
import { PackFile } from "./pack-file.js";
import { PackIndex } from "./pack-index.js";

/** Packs whose files are kept open at once. */
const MAX_OPEN_PACKS = 64;

let nextId = 1;

/** One pack; its files are opened on first use and stay readable when git deletes them. */
export class Pack {
  /** A number of its own. */
  readonly id = nextId++;
  readonly path: string;
  readonly #oidBytes: number;
  readonly #openFile: OpenFile;
  #index: PackIndex | undefined;
  #file: PackFile | undefined;
  /** Why it can't be read, until the packs are listed again. */
  #failure: unknown;

  constructor(path: string, oidBytes: number, open: OpenFile) {
    this.path = path;
    this.#openFile = open;
    this.#oidBytes = oidBytes;
  }

  get isOpen(): boolean {
    return this.#index !== undefined || this.#file !== undefined;
  }

  /** @returns `undefined` when git has taken the pack away @throws TreewireError naming the damaged file */
  index(): PackIndex | undefined {
    this.#index ??= this.#open(() => new PackIndex(this.path.replace(/pack$/, "idx"), this.#oidBytes, this.#openFile));
    return this.#index;
  }

  /** See {@link index}. */
  file(): PackFile | undefined {
    this.#file ??= this.#open(() => new PackFile(this.path, this.#oidBytes, this.#openFile));
    return this.#file;
  }

  close(): void {
    this.#index?.close();
    this.#file?.close();
    this.#index = undefined;
    this.#file = undefined;
  }

  #open<T>(open: () => T): T | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return open();
    } catch (thrown) {
      if (isAbsent(thrown)) return undefined;
      this.#failure = thrown instanceof TreewireError ? thrown : corrupt(this.path, messageOf(thrown), thrown);
      throw this.#failure;
    }
  }
}

/** The packs of one `objects/pack` directory, as they were when it was listed. */
export class PackDirectory {
  /** Whether a partial clone fetched any of the packs: then missing objects are no damage. */
  readonly isPartial: boolean;
  readonly #path: string;
  readonly #oidBytes: number;
  readonly #openFile: OpenFile;
  /** Those that the multi-pack-index does not cover, the last used first: one commit's objects are mostly in one pack. */
  readonly #packs: Pack[];
  /** Those that it covers, in its order. */
  readonly #covered: Pack[] = [];
  readonly #multi: MultiPackIndex | undefined;

  /** @param open how its files are read @throws TreewireError `TW_PATH_UNREADABLE` */
  constructor(path: string, oidBytes: number, open: OpenFile = openFile) {
    this.#path = path;
    this.#openFile = open;
    this.#oidBytes = oidBytes;
    const names = new Set(listNames(path));
    this.isPartial = [...names].some((name) => name.endsWith(".promisor"));
    this.#multi = names.has("multi-pack-index") ? this.#openMulti() : undefined;
    for (const name of this.#multi?.packNames ?? []) {
      this.#covered.push(new Pack(`${path}/${name}`, oidBytes, open));
      names.delete(name);
    }
    this.#packs = [...names]
      .filter((name) => name.endsWith(".pack") && names.has(name.replace(/pack$/, "idx")))
      .map((name) => new Pack(`${path}/${name}`, oidBytes, open));
  }

  /** The first of the places that {@link find} has, where nothing is damaged. */
  first(oid: Buffer): { pack: Pack; offset: number } | undefined {
    const covered = this.#multi?.find(oid);
    const pack = covered && this.#covered[covered.pack];
    if (covered !== undefined && pack !== undefined) return { pack: this.#touch(pack), offset: covered.offset };
    for (const pack of this.#packs) {
      const offset = this.#touch(pack).index()?.offset(oid);
      if (offset === undefined) continue;
      this.#toFront(pack);
      return { pack, offset };
    }
    return undefined;
  }

  /**
   * @returns every place where the object may be read from, best first
   * @throws TreewireError naming the damaged file, after the places of the others
   */
  *find(oid: Buffer): Generator<{ pack: Pack; offset: number }> {
    const covered = this.#multi?.find(oid);
    const pack = covered && this.#covered[covered.pack];
    if (covered !== undefined && pack !== undefined) yield { pack: this.#touch(pack), offset: covered.offset };
    let failure: unknown;
    for (const pack of this.#packs) {
      try {
        const offset = this.#touch(pack).index()?.offset(oid);
        if (offset === undefined) continue;
        this.#toFront(pack);
        yield { pack, offset };
      } catch (thrown) {
        failure ??= thrown;
      }
    }
    if (failure !== undefined) throw failure;
  }

  /** The ids of objects that begin so, in no order, some twice. See {@link OidTable.withPrefix}. */
  withPrefix(prefix: string, limit: number): Oid[] {
    const covered = this.#multi?.withPrefix(prefix, limit) ?? [];
    return [...covered, ...this.#packs.flatMap((pack) => this.#touch(pack).index()?.withPrefix(prefix, limit) ?? [])];
  }

  close(): void {
    this.#multi?.close();
    for (const pack of [...this.#packs, ...this.#covered]) pack.close();
  }

  #toFront(pack: Pack): void {
    const place = this.#packs.indexOf(pack);
    if (place <= 0) return;
    this.#packs.splice(place, 1);
    this.#packs.unshift(pack);
  }

  /** Closes others when this one would be one too many. */
  #touch(pack: Pack): Pack {
    if (pack.isOpen) return pack;
    const open = [...this.#packs, ...this.#covered].filter((other) => other.isOpen);
    for (const other of open.slice(MAX_OPEN_PACKS - 1)) other.close();
    return pack;
  }

  #openMulti(): MultiPackIndex | undefined {
    const path = `${this.#path}/multi-pack-index`;
    try {
      return new MultiPackIndex(path, this.#oidBytes, this.#openFile);
    } catch (thrown) {
      // Each pack that it covers has an index of its own, so that a damaged one costs time alone; `git fsck` reports it.
      if (thrown instanceof TreewireError || isAbsent(thrown)) return undefined;
      throw unreadable(path, thrown);
    }
  }
}
