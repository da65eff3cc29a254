import { latestOf, unitsOf } from "../chat-list.js";
import { GoneRoots } from "../gone-roots.js";
import type { ChatRoots } from "../store.js";
import { UnwrittenLists } from "../unwritten-lists.js";
import type { ChatRootTable } from "./chat-roots.js";
import type { StoreWriter } from "./writer.js";

/** What is longer, with what the chat had before, is written when others have had their turn: all of it is. Characters. */
const LONG_UNITS = 16 * 1024;

interface Unwritten {
  workspace: string;
  present: Set<string>;
  /** What the chat had in between, without the disk ever hearing of it. */
  gone: GoneRoots;
  /** How long all was that the store had when the first of what is not written was said; `undefined`: it could not be read. */
  storedUnits: number | undefined;
  /** What is named as gone, as long as the store has this. */
  named?: { written: readonly string[]; roots: readonly string[] } | undefined;
}

/** {@link ChatRootTable} over a store that may not take writes for a while: what is asked counts what it has not taken yet. */
export class RelaxedChatRoots implements ChatRoots {
  readonly #roots: ChatRootTable;
  readonly #writer: StoreWriter;
  readonly #unwritten = new UnwrittenLists<Unwritten>();

  constructor(roots: ChatRootTable, writer: StoreWriter) {
    this.#roots = roots;
    this.#writer = writer;
  }

  /** The database is here, and answers at once. */
  prepare(): undefined {
    return undefined;
  }

  record(workspace: string, chat: string, present: readonly string[]): void {
    if (this.#writeNow(chat, present, () => this.#roots.record(workspace, chat, present))) return;
    const before = this.#unwritten.get(chat);
    const storedUnits = before?.storedUnits ?? this.#storedUnits(chat); // once: a row may be long, and each message short
    const list = new Set(present);
    const gone = before?.gone ?? new GoneRoots();
    gone.add([...(before?.present ?? [])].filter((root) => !list.has(root)));
    for (const root of list) gone.delete(root);
    this.#defer(chat, { workspace, present: list, gone, storedUnits });
  }

  bury(workspace: string, chat: string, root: string): void {
    if (this.#writeNow(chat, [], () => this.#roots.bury(workspace, chat, root))) return;
    const unwritten = this.#unwritten.get(chat);
    if (unwritten === undefined) {
      this.record(
        workspace,
        chat,
        this.present(chat).filter((other) => other !== root),
      );
    } else if (unwritten.present.delete(root)) {
      unwritten.gone.add([root]);
      unwritten.named = undefined;
    }
  }

  /** @param present what is new of the list @returns whether it was written: the list is short, and nothing waits */
  #writeNow(chat: string, present: readonly string[], write: () => void): boolean {
    if (this.#writer.isBehind || this.#unwritten.has(chat)) return false;
    try {
      if (unitsOf(present) + this.#roots.unitsOf(chat) > LONG_UNITS) return false;
      write();
      return true;
    } catch (thrown) {
      if (!this.#writer.failed(thrown)) throw thrown;
      return false;
    }
  }

  #defer(chat: string, unwritten: Unwritten): void {
    const { workspace, present, gone, storedUnits = Number.POSITIVE_INFINITY } = unwritten;
    this.#unwritten.set(chat, unwritten);
    const write = () => this.#write(chat);
    const options = { owner: workspace, dropped: () => this.#unwritten.delete(chat) };
    // long lists wait for others all the time, short ones while the store takes none
    if (unitsOf(present) + gone.units + storedUnits > LONG_UNITS) this.#writer.later(keyOf(chat), write, options);
    else this.#writer.relaxed(keyOf(chat), write, options);
    for (const each of this.#unwritten.giveUp()) this.#writer.forget(keyOf(each));
  }

  #storedUnits(chat: string): number | undefined {
    try {
      return this.#roots.unitsOf(chat);
    } catch (thrown) {
      if (!this.#writer.failed(thrown)) throw thrown;
      return undefined;
    }
  }

  rowCount(workspace: string): number {
    return this.#roots.rowCount(workspace);
  }

  present(chat: string): string[] {
    const unwritten = this.#unwritten.get(chat);
    return unwritten === undefined ? this.#roots.present(chat) : [...unwritten.present].sort();
  }

  tombstones(chat: string): readonly string[] {
    const written = this.#roots.tombstones(chat);
    const unwritten = this.#unwritten.get(chat);
    if (unwritten === undefined) return written;
    if (unwritten.named?.written === written) return unwritten.named.roots;
    const gone = new Set([...written, ...this.#roots.present(chat), ...unwritten.gone]);
    for (const root of unwritten.present) gone.delete(root);
    const roots = latestOf([...gone], (root) => root).sort();
    unwritten.named = { written, roots };
    return roots;
  }

  #write(chat: string): void {
    const unwritten = this.#unwritten.get(chat);
    if (unwritten === undefined) return;
    const present = [...unwritten.present];
    this.#roots.record(unwritten.workspace, chat, present, unwritten.gone);
    this.#unwritten.delete(chat);
  }
}

function keyOf(chat: string): string {
  return `roots ${chat}`;
}
