import { LRUCache } from "lru-cache";
import { MAX_TREES } from "../../protocol/index.js";
import { type ChatRoots, MAX_TOMBSTONE_UNITS } from "./chat-roots.js";
import type { StoreWriter } from "./writer.js";

/** So many roots of chats whose lists were not written yet are held; then those that have waited longest go. */
const MAX_UNWRITTEN_ROOTS = 100_000;

/** Which repositories a chat showed before, for those who are not to wait for the disk. */
export type KeptRoots = Pick<ChatRoots, "record" | "bury" | "present" | "tombstones" | "rowCount">;

/** A longer list is written in parts of so many roots: each row takes a tenth of a millisecond, in which nothing else runs. */
const PART_ROOTS = 64;
/** Chats whose list was long are remembered: its roots would all be buried at once. */
const MAX_LONG = 10_000;

interface Unwritten {
  /** What is left to write; found when its turn has come. */
  left?: { shown: string[]; gone: string[] };
  workspace: string;
  present: readonly string[];
  /** What the chat had in between, without the disk ever hearing of it. */
  gone: ReadonlySet<string>;
}

/** {@link ChatRoots} over a store that may not take writes for a while: what is asked counts what it has not taken yet. */
export class RelaxedChatRoots implements KeptRoots {
  readonly #roots: ChatRoots;
  readonly #writer: StoreWriter;
  readonly #unwritten = new Map<string, Unwritten>();
  readonly #long = new LRUCache<string, true>({ max: MAX_LONG });
  #count = 0;

  constructor(roots: ChatRoots, writer: StoreWriter) {
    this.#roots = roots;
    this.#writer = writer;
  }

  record(workspace: string, chat: string, present: readonly string[]): void {
    const isLong = present.length > PART_ROOTS || this.#long.has(chat);
    if (!isLong && !this.#writer.isBehind && !this.#unwritten.has(chat)) {
      try {
        this.#roots.record(workspace, chat, present);
        return;
      } catch (thrown) {
        if (!this.#writer.failed(thrown)) throw thrown;
      }
    }
    if (present.length > PART_ROOTS) this.#long.set(chat, true);
    const before = this.#unwritten.get(chat);
    const gone = new Set([...(before?.gone ?? []), ...(before?.present ?? [])]);
    for (const root of present) gone.delete(root);
    for (const oldest of gone) {
      if (gone.size <= MAX_TREES) break;
      gone.delete(oldest);
    }
    this.#forget(chat);
    this.#unwritten.set(chat, { workspace, present, gone });
    this.#count += present.length + gone.size;
    this.#writer.later(keyOf(chat), () => this.#writePart(chat));
    for (const oldest of this.#unwritten.keys()) {
      if (this.#count <= MAX_UNWRITTEN_ROOTS) break;
      this.#forget(oldest);
    }
  }

  bury(workspace: string, chat: string, root: string): void {
    if (!this.#writer.isBehind && !this.#unwritten.has(chat)) {
      try {
        this.#roots.bury(workspace, chat, root);
        return;
      } catch (thrown) {
        if (!this.#writer.failed(thrown)) throw thrown;
      }
    }
    const left = this.present(chat).filter((other) => other !== root);
    this.record(workspace, chat, left);
  }

  rowCount(workspace: string): number {
    return this.#roots.rowCount(workspace);
  }

  present(chat: string): string[] {
    const unwritten = this.#unwritten.get(chat);
    return unwritten === undefined ? this.#roots.present(chat) : [...unwritten.present].sort();
  }

  tombstones(chat: string): string[] {
    const written = this.#roots.tombstones(chat);
    const unwritten = this.#unwritten.get(chat);
    if (unwritten === undefined) return written;
    const gone = new Set([...written, ...this.#roots.present(chat), ...unwritten.gone]);
    for (const root of unwritten.present) gone.delete(root);
    return latestOf([...gone]).sort();
  }

  /** @returns whether there is another part */
  #writePart(chat: string): boolean {
    const unwritten = this.#unwritten.get(chat);
    if (unwritten === undefined) return false;
    const { workspace } = unwritten;
    unwritten.left ??= this.#differences(chat, unwritten);
    const { shown, gone } = unwritten.left;
    if (shown.length + gone.length > 0) {
      const part = { shown: shown.slice(-PART_ROOTS), gone: gone.slice(-PART_ROOTS) };
      this.#roots.recordPart(workspace, chat, part);
      shown.length -= part.shown.length;
      gone.length -= part.gone.length;
      return true;
    }
    if (this.#roots.trimPart(workspace, chat, PART_ROOTS)) return true;
    if (unwritten.present.length <= PART_ROOTS) this.#long.delete(chat);
    this.#forget(chat);
    return false;
  }

  /** What the store lacks of a list, and what it has too much. */
  #differences(chat: string, { present, gone }: Unwritten): { shown: string[]; gone: string[] } {
    const written = new Set(this.#roots.present(chat));
    const shown = present.filter((root) => !written.has(root));
    for (const root of present) written.delete(root);
    return { shown, gone: [...new Set([...written, ...gone])] };
  }

  #forget(chat: string): void {
    const { present = [], gone = new Set() } = this.#unwritten.get(chat) ?? {};
    this.#count -= present.length + gone.size;
    this.#unwritten.delete(chat);
  }
}

/** As many of the last ones as there is room for. */
function latestOf(roots: readonly string[]): string[] {
  let left = MAX_TOMBSTONE_UNITS;
  const from = roots.findLastIndex((root) => {
    left -= root.length;
    return left < 0;
  });
  return roots.slice(from + 1);
}

function keyOf(chat: string): string {
  return `roots ${chat}`;
}
