import { corrupt } from "../io/files.js";
import type { CommitGraph } from "./commit-graph.js";
import { type CommitLinks, readCommitLinks } from "./commit-links.js";
import type { Grafts } from "./grafts.js";
import type { ObjectFormat, Oid } from "./object-id.js";
import type { ObjectStore } from "./object-store.js";

/** A commit that is not in the commit graph comes before every one that is, where those are ordered by corrected date. */
const UNKNOWN_DATE = Number.POSITIVE_INFINITY;

/** Commits that there is room for at first. */
const FIRST_ROOM = 1024;
/** Of {@link CommitTable.parents}: not read yet. */
const UNREAD = 0xffffffff;

export interface CommitTableParts {
  /** Of this table alone, which closes it. */
  objects: ObjectStore;
  format: ObjectFormat;
  grafts: Grafts;
  /** `undefined`: there is none, or what replaces and grafts make of history is not what it says. */
  graph: CommitGraph | undefined;
}

/**
 * The commits that a walk over history meets, each by a number, so that what the walk notes of them stands in arrays. One
 * of git's commit graph has its position as number, and takes no memory here; another one takes about 50 bytes. Parents
 * and date are read when they are first asked for, once.
 */
export class CommitTable {
  readonly #objects: ObjectStore;
  readonly #format: ObjectFormat;
  readonly #grafts: Grafts;
  readonly #graph: CommitGraph | undefined;
  /** How many commits the graph has: the numbers of the others are not below it. */
  readonly #first: number;
  /** Of the others, by number: their ids, one behind the other. */
  #oids: Buffer;
  #dates = new Float64Array(FIRST_ROOM);
  /** Where their parents begin in {@link #links}: how many there are, then each one's number. */
  #linksAt = new Uint32Array(FIRST_ROOM).fill(UNREAD);
  #count = 0;
  #links = new Uint32Array(FIRST_ROOM * 2);
  #linkCount = 0;
  /** A hash table of numbers, by the first bytes of the id: 0 where nothing is, else one more than the number. */
  #slots = new Uint32Array(FIRST_ROOM * 2);
  #hasMetCutOff = false;
  readonly #read: CommitLinks = { date: 0, parentsAt: [] };
  readonly #loading: Buffer;
  readonly #key: Buffer;

  constructor({ objects, format, grafts, graph }: CommitTableParts) {
    this.#objects = objects;
    this.#format = format;
    this.#grafts = grafts;
    this.#graph = graph;
    this.#first = graph?.count ?? 0;
    this.#oids = Buffer.allocUnsafeSlow(FIRST_ROOM * format.bytes);
    this.#key = Buffer.alloc(format.bytes);
    this.#loading = Buffer.alloc(format.bytes);
  }

  /** Numbers are below this; it grows. */
  get end(): number {
    return this.#first + this.#count;
  }

  /** Whether git orders these commits by corrected date, which is later than that of each parent. */
  get hasCorrectedDates(): boolean {
    return this.#graph?.hasCorrectedDates === true;
  }

  /** The number of a commit, which need not be there. @param oid full hexadecimal id */
  numberOf(oid: Oid): number {
    this.#key.write(oid, "hex");
    return this.#numberOf(this.#key);
  }

  oidOf(number: number): Oid {
    if (number < this.#first) return this.#graph?.oid(number).toString("hex") ?? "";
    const at = (number - this.#first) * this.#format.bytes;
    return this.#oids.toString("hex", at, at + this.#format.bytes);
  }

  /**
   * When a commit was committed, in seconds since 1970.
   * @throws TreewireError `TW_CORRUPT_REPOSITORY` when it is missing or no commit, `TW_NOT_FETCHED`
   */
  date(number: number): number {
    if (number < this.#first) return this.#graph?.date(number) ?? 0;
    this.#load(number);
    return this.#dates[number - this.#first] ?? 0;
  }

  /** The date by which git orders, where {@link hasCorrectedDates}; that of a commit that has none is after all others. */
  correctedDate(number: number): number {
    return number < this.#first ? (this.#graph?.correctedDate(number) ?? 0) : UNKNOWN_DATE;
  }

  /** The numbers of a commit's parents, in order, as grafts have them. @throws like {@link date} */
  parents(number: number): readonly number[] {
    if (number < this.#first) return this.#graph?.parents(number) ?? [];
    const at = this.#load(number);
    const count = this.#links[at] ?? 0;
    const parents: number[] = [];
    for (let each = 1; each <= count; each += 1) parents.push(this.#links[at + each] ?? 0);
    return parents;
  }

  /** Whether one of those whose parents were asked for is where a shallow clone's history is cut off. */
  get hasMetCutOff(): boolean {
    return this.#hasMetCutOff;
  }

  /** Whether a shallow clone's history is cut off at a commit. */
  isCutOff(number: number): boolean {
    return this.#grafts.shallow.size > 0 && this.#grafts.shallow.has(this.oidOf(number));
  }

  /** Closes its files, which it opens again if it has to. */
  close(): void {
    this.#objects.refresh();
    this.#graph?.close();
  }

  #numberOf(oid: Buffer): number {
    const slot = this.#slotOf(oid);
    const known = this.#slots[slot] ?? 0;
    if (known > 0) return this.#first + known - 1;
    const position = this.#graph?.find(oid) ?? -1;
    if (position >= 0) return position;
    return this.#first + this.#add(oid, slot);
  }

  /** The slot that holds an id, or the free one where it is to stand. */
  #slotOf(oid: Buffer): number {
    const { bytes } = this.#format;
    const mask = this.#slots.length - 1;
    let slot = oid.readUInt32LE(0) & mask;
    for (let known = this.#slots[slot] ?? 0; known > 0; known = this.#slots[slot] ?? 0) {
      const at = (known - 1) * bytes;
      if (standsAt(this.#oids, at, oid, bytes)) return slot;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #add(oid: Buffer, slot: number): number {
    const { bytes } = this.#format;
    const place = this.#count;
    if (place === this.#dates.length) this.#grow();
    oid.copy(this.#oids, place * bytes, 0, bytes);
    this.#count += 1;
    if (this.#count * 2 > this.#slots.length) this.#rehash();
    else this.#slots[slot] = place + 1;
    return place;
  }

  #grow(): void {
    const room = this.#dates.length * 2;
    const oids = Buffer.allocUnsafeSlow(room * this.#format.bytes);
    this.#oids.copy(oids);
    this.#oids = oids;
    this.#dates = resized(this.#dates, new Float64Array(room));
    this.#linksAt = resized(this.#linksAt, new Uint32Array(room).fill(UNREAD));
  }

  #rehash(): void {
    const { bytes } = this.#format;
    this.#slots = new Uint32Array(this.#slots.length * 2);
    for (let place = 0; place < this.#count; place += 1) {
      this.#slots[this.#slotOf(this.#oids.subarray(place * bytes, (place + 1) * bytes))] = place + 1;
    }
  }

  /** Reads a commit, unless that was done. @returns where its parents stand in {@link #links} */
  #load(number: number): number {
    const place = number - this.#first;
    const known = this.#linksAt[place] ?? UNREAD;
    if (known !== UNREAD) return known;
    const { bytes } = this.#format;
    const oid = this.#loading;
    this.#oids.copy(oid, 0, place * bytes, (place + 1) * bytes);
    const { type, content } = this.#objects.readCommitStart(oid);
    const links = this.#read;
    if (type !== "commit" || !readCommitLinks(content, bytes, links)) {
      throw corrupt(`object ${oid.toString("hex")}`, "no commit, or a damaged one");
    }
    const grafted = this.#grafts.parents.size === 0 ? undefined : this.#grafts.parents.get(oid.toString("hex"));
    if (grafted !== undefined && this.#grafts.shallow.has(oid.toString("hex"))) this.#hasMetCutOff = true;
    const parents = grafted?.length ?? links.parentsAt.length;
    const at = this.#linkCount;
    if (at + parents + 1 > this.#links.length) this.#growLinks(parents + 1);
    this.#linkCount += parents + 1;
    this.#links[at] = parents;
    for (let each = 0; each < parents; each += 1) {
      if (grafted !== undefined) this.#key.write(grafted[each] ?? "", "hex");
      else parseHex(content, links.parentsAt[each] ?? 0, this.#key);
      this.#links[at + each + 1] = this.#numberOf(this.#key);
    }
    this.#dates[place] = links.date;
    this.#linksAt[place] = at;
    return at;
  }

  #growLinks(least: number): void {
    this.#links = resized(this.#links, new Uint32Array(Math.max(this.#links.length * 2, this.#links.length + least)));
  }
}

/** For so few bytes sooner than by a call of Buffer's own. */
function standsAt(bytes: Buffer, at: number, oid: Buffer, length: number): boolean {
  for (let byte = 0; byte < length; byte += 1) if (bytes[at + byte] !== oid[byte]) return false;
  return true;
}

function resized<T extends Float64Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** Hexadecimal digits to bytes, without a string between. */
function parseHex(digits: Buffer, at: number, into: Buffer): void {
  for (let byte = 0; byte < into.length; byte += 1) {
    into[byte] = (hexValue(digits[at + byte * 2] ?? 0) << 4) | hexValue(digits[at + byte * 2 + 1] ?? 0);
  }
}

/** Of a digit as git writes it, or a letter in upper case. */
function hexValue(digit: number): number {
  return digit < 0x40 ? digit & 0xf : (digit & 0xf) + 9;
}
