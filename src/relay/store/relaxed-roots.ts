import { MAX_TREES } from "../../protocol/index.js";
import { type ChatRoots, latestOf } from "./chat-roots.js";
import type { StoreWriter } from "./writer.js";

/** So many roots of chats whose lists were not written yet are held; then those that have waited longest go. */
const MAX_UNWRITTEN_ROOTS = 100_000;

/** Which repositories a chat showed before, for those who are not to wait for the disk. */
export type KeptRoots = Pick<ChatRoots, "record" | "bury" | "present" | "tombstones" | "rowCount">;

/** A longer list is written when others have had their turn. Characters. */
const LONG_UNITS = 16 * 1024;

interface Unwritten {
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
  #count = 0;

  constructor(roots: ChatRoots, writer: StoreWriter) {
    this.#roots = roots;
    this.#writer = writer;
  }

  record(workspace: string, chat: string, present: readonly string[]): void {
    if (unitsOf(present) <= LONG_UNITS && !this.#writer.isBehind && !this.#unwritten.has(chat)) {
      try {
        this.#roots.record(workspace, chat, present);
        return;
      } catch (thrown) {
        if (!this.#writer.failed(thrown)) throw thrown;
      }
    }
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
    this.#writer.later(keyOf(chat), () => this.#write(chat));
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
    return latestOf([...gone], (root) => root).sort();
  }

  #write(chat: string): void {
    const unwritten = this.#unwritten.get(chat);
    if (unwritten === undefined) return;
    this.#roots.record(unwritten.workspace, chat, unwritten.present, unwritten.gone);
    this.#forget(chat);
  }

  #forget(chat: string): void {
    const { present = [], gone = new Set() } = this.#unwritten.get(chat) ?? {};
    this.#count -= present.length + gone.size;
    this.#unwritten.delete(chat);
  }
}

function unitsOf(roots: readonly string[]): number {
  return roots.reduce((sum, root) => sum + root.length, 0);
}

function keyOf(chat: string): string {
  return `roots ${chat}`;
}
