import { LRUCache } from "lru-cache";
import { z } from "zod";
import type { Clock, Logger } from "../../../../util/index.js";
import {
  type ChatList,
  goneSchema,
  isSameList,
  latestOf,
  listAfter,
  rowsIn,
  tombstonesOf,
  unitsIn,
} from "../../chat-list.js";
import { GoneRoots } from "../../gone-roots.js";
import type { ChatRoots } from "../../store.js";
import { StoreUnavailableError } from "../../trouble.js";
import { UnwrittenLists } from "../../unwritten-lists.js";
import { FreshReads } from "../fresh-reads.js";
import { KeyedStream } from "../keyed-stream.js";
import type { NatsLink } from "../nats-link.js";
import { ROOTS_STREAM } from "../streams.js";
import { rootsSubject } from "../subjects.js";
import { WriteBehind } from "../write-behind.js";

/** Lists that were read or written last are at hand, of so many characters. */
const MAX_KNOWN_UNITS = 16 * 1024 * 1024;
/** What a chat has and had is one message, whose roots are so many bytes: NATS takes 1 MiB by default. */
const MAX_LIST_BYTES = 512 * 1024;
/** A root's quotes and signs between, and the time since when it is gone. Bytes. */
const MOST_PER_ROOT = 24;
/** So many workspaces' rows are counted. */
const MAX_COUNTED = 10_000;
/** A list that another relay writes as well is tried so often at once. */
const TRIES = 5;

const listSchema = z.object({
  workspace: z.string(),
  present: z.array(z.string()),
  gone: goneSchema.transform((gone) => new Map(gone)),
});

/** Nobody has shown the chat yet. */
const NOTHING: ChatList = { workspace: "", present: [], gone: new Map() };

/** What was said of a chat, and is not written yet. */
interface Unwritten {
  workspace: string;
  /** `undefined`: nobody has said; it is what it was, without what is gone. */
  present: Set<string> | undefined;
  /** What the chat had in between, or had before. */
  gone: GoneRoots;
  /** What is named as gone, as long as the store has this. */
  named?: { known: ChatList | undefined; written: readonly string[]; roots: readonly string[] };
}

/**
 * {@link ChatRoots} that all relays share: a message for each chat. What is said is written behind, on top of what is there by then:
 * another relay may have had the chat's agent meanwhile. What a workspace may have is counted by each relay for itself.
 */
export class NatsChatRoots implements ChatRoots {
  readonly #link: NatsLink;
  readonly #stream: KeyedStream;
  readonly #maxRows: number;
  readonly #behind: WriteBehind;
  readonly #reads = new FreshReads();
  readonly #known = new LRUCache<string, ChatList>({
    maxSize: MAX_KNOWN_UNITS,
    sizeCalculation: (list) => 1 + unitsIn(list),
  });
  readonly #unwritten = new UnwrittenLists<Unwritten>();
  /** Workspace → chat → how many roots it has and had, those that were written first first. */
  readonly #rows = new LRUCache<string, Map<string, number>>({ max: MAX_COUNTED });

  /** @param options `maxRows`: of all chats of one workspace; those of chats that were written longest ago go */
  constructor(link: NatsLink, { clock, log, maxRows }: { clock: Clock; log: Logger; maxRows: number }) {
    this.#link = link;
    this.#stream = new KeyedStream(link, ROOTS_STREAM);
    this.#maxRows = maxRows;
    this.#behind = new WriteBehind(clock, log);
  }

  /** What the store does not answer is as it was known. */
  prepare(chat: string): Promise<void> {
    const read = async () => {
      const { data } = await this.#stream.last(rootsSubject(chat));
      this.#know(chat, (data && parse(data)) ?? NOTHING);
    };
    return this.#link.unlessDown(() => this.#reads.read(chat, read));
  }

  record(workspace: string, chat: string, present: readonly string[]): void {
    const before = this.#unwritten.get(chat);
    const list = new Set(present);
    const gone = before?.gone ?? new GoneRoots();
    gone.add([...(before?.present ?? [])].filter((root) => !list.has(root)));
    for (const root of list) gone.delete(root);
    this.#say(chat, { workspace, present: list, gone });
  }

  bury(workspace: string, chat: string, root: string): void {
    const { present, gone = new GoneRoots() } = this.#unwritten.get(chat) ?? {};
    if (present === undefined && this.#known.has(chat)) {
      const left = new Set(this.present(chat));
      if (left.delete(root)) this.record(workspace, chat, [...left]);
    } else if (present?.delete(root) !== false) {
      gone.add([root]);
      this.#say(chat, { workspace, present, gone });
    }
  }

  present(chat: string): string[] {
    const unwritten = this.#unwritten.get(chat);
    if (unwritten?.present !== undefined) return [...unwritten.present].sort();
    const present = this.#known.get(chat)?.present ?? [];
    return present.filter((root) => unwritten?.gone.has(root) !== true);
  }

  tombstones(chat: string): readonly string[] {
    const known = this.#known.get(chat);
    const written = tombstonesOf(known, Date.now());
    const unwritten = this.#unwritten.get(chat);
    if (unwritten === undefined) return written;
    const { named } = unwritten;
    if (named?.written === written && named.known === known) return named.roots;
    const before = unwritten.present === undefined ? [] : (known?.present ?? []);
    const gone = new Set([...written, ...before, ...unwritten.gone]);
    for (const root of unwritten.present ?? []) gone.delete(root);
    const roots = latestOf([...gone], (root) => root).sort();
    unwritten.named = { known, written, roots };
    return roots;
  }

  /** As far as its chats were read or written here. */
  rowCount(workspace: string): number {
    let rows = 0;
    for (const each of this.#rows.get(workspace)?.values() ?? []) rows += each;
    return rows;
  }

  /** Writes what waits. @param isOver asked now and then: there is no more time */
  flush(isOver: () => boolean): Promise<void> {
    return this.#behind.flush(isOver);
  }

  close(): void {
    this.#behind.close();
  }

  #say(chat: string, unwritten: Unwritten): void {
    this.#unwritten.set(chat, unwritten);
    this.#behind.later(chat, {
      owner: unwritten.workspace,
      write: () => this.#write(chat),
      dropped: () => this.#unwritten.delete(chat),
    });
    for (const each of this.#unwritten.giveUp()) this.#behind.forget(each);
  }

  async #write(chat: string): Promise<void> {
    const unwritten = this.#unwritten.get(chat);
    if (unwritten === undefined) return;
    const present = unwritten.present && new Set(unwritten.present);
    const gone = new GoneRoots(unwritten.gone); // what is said meanwhile changes the others
    const list = await this.#put(chat, { ...unwritten, present, gone });
    this.#know(chat, list);
    if (this.#unwritten.get(chat) === unwritten) this.#unwritten.delete(chat); // what was said meanwhile is written next
    this.#trim(unwritten.workspace, chat);
  }

  async #put(chat: string, { workspace, present: said, gone }: Unwritten): Promise<ChatList> {
    const subject = rootsSubject(chat);
    for (let left = TRIES; left > 0; left -= 1) {
      const { revision, data } = await this.#stream.last(subject);
      const before = data && parse(data);
      const had = before?.present ?? [];
      const present = said === undefined ? had.filter((root) => !gone.has(root)) : [...said];
      const between = said === undefined ? [] : gone;
      const list = this.#fitting(listAfter(before, { workspace, present, between }, Date.now()));
      if (before !== undefined && isSameList(before, list)) return list;
      const { workspace: of, present: roots } = list;
      const written = JSON.stringify({ workspace: of, present: roots, gone: [...list.gone] });
      if ((await this.#stream.put(subject, Buffer.from(written), revision)) !== "conflict") return list;
    }
    throw new StoreUnavailableError("locked");
  }

  /** As much of a list as one message takes: the latest of what is gone goes last, and what is there only when it is too much alone. */
  #fitting(list: ChatList): ChatList {
    let left = MAX_LIST_BYTES;
    let rows = this.#maxRows;
    const fits = (root: string): boolean => {
      left -= Buffer.byteLength(JSON.stringify(root)) + MOST_PER_ROOT;
      rows -= 1;
      return left >= 0 && rows >= 0;
    };
    const present = list.present.filter(fits);
    const latestFirst = [...list.gone].reverse().filter(([root]) => fits(root));
    return { ...list, present, gone: new Map(latestFirst.reverse()) };
  }

  #know(chat: string, list: ChatList): void {
    const before = this.#known.get(chat);
    if (before !== undefined) this.#rows.get(before.workspace)?.delete(chat);
    this.#known.set(chat, list);
    if (list === NOTHING) return;
    const rows = this.#rows.get(list.workspace) ?? new Map<string, number>();
    rows.delete(chat); // it goes to the end
    rows.set(chat, rowsIn(list));
    this.#rows.set(list.workspace, rows);
  }

  /** Lets what other chats of a workspace have and had go, when they have too much together. */
  #trim(workspace: string, chat: string): void {
    let excess = this.rowCount(workspace) - this.#maxRows;
    for (const [other, rows] of this.#rows.get(workspace) ?? []) {
      if (excess <= 0) return;
      if (other === chat || this.#unwritten.has(other)) continue; // what is written of it is looked at then
      excess -= rows;
      this.#rows.get(workspace)?.delete(other);
      const trimmed = this.#known.get(other);
      if (trimmed !== undefined && trimmed.workspace !== workspace) continue; // another one's by now
      this.#know(other, NOTHING);
      const isTrimmed = (there: ChatList): boolean =>
        trimmed === undefined ? there.workspace === workspace && rowsIn(there) === rows : isSameList(there, trimmed);
      const write = async () => this.#know(other, await this.#dropIf(other, isTrimmed));
      this.#behind.later(other, { owner: workspace, write, dropped: () => undefined }); // what is too much is found again
    }
  }

  /** Deletes a chat's list where that is wanted: another relay may have written another one. @returns what is there then */
  async #dropIf(chat: string, isWanted: (there: ChatList) => boolean): Promise<ChatList> {
    const subject = rootsSubject(chat);
    for (let left = TRIES; left > 0; left -= 1) {
      const { revision, data } = await this.#stream.last(subject);
      const there = data && parse(data);
      if (there !== undefined && !isWanted(there)) return there;
      if (data === undefined || (await this.#stream.put(subject, undefined, revision)) !== "conflict") return NOTHING;
    }
    throw new StoreUnavailableError("locked");
  }
}

/** @returns `undefined`: it is damaged */
function parse(data: Uint8Array): ChatList | undefined {
  try {
    return listSchema.parse(JSON.parse(Buffer.from(data).toString()));
  } catch {
    return undefined;
  }
}
