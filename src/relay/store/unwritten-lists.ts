import { unitsOf } from "./chat-list.js";
import { FairShares } from "./fair-shares.js";
import type { GoneRoots } from "./gone-roots.js";

/**
 * What is held of chats whose lists were not written yet: roots' characters, and what holding one costs beside them. It is
 * about 100,000 roots of a usual length. A list of the longest, with all that may be gone of it, is two thirds of it.
 */
const MAX_UNWRITTEN_UNITS = 8 * 1024 * 1024;
const ROOT_UNITS = 64;
const CHAT_UNITS = 1024;

/** What was said of a chat, and is not written yet. */
interface UnwrittenList {
  readonly workspace: string;
  /** What the chat has; `undefined`: nobody has said. */
  readonly present: ReadonlySet<string> | undefined;
  /** What the chat had in between. */
  readonly gone: GoneRoots;
}

/** Chats' lists that wait to be written. A workspace that says too many of them loses its own, and nobody else's. */
export class UnwrittenLists<List extends UnwrittenList> {
  readonly #lists = new Map<string, List>();
  readonly #shares = new FairShares(MAX_UNWRITTEN_UNITS);

  get(chat: string): List | undefined {
    return this.#lists.get(chat);
  }

  has(chat: string): boolean {
    return this.#lists.has(chat);
  }

  set(chat: string, list: List): void {
    const { present, gone } = list;
    const roots = (present?.size ?? 0) + gone.size;
    this.#lists.set(chat, list);
    this.#shares.set(
      chat,
      list.workspace,
      CHAT_UNITS + roots * ROOT_UNITS + (present === undefined ? 0 : unitsOf(present)) + gone.units,
    );
  }

  delete(chat: string): void {
    this.#lists.delete(chat);
    this.#shares.delete(chat);
  }

  /** Gives up what is too much. @returns the chats whose lists are not held any more */
  giveUp(): string[] {
    const chats = this.#shares.giveUp();
    for (const chat of chats) this.#lists.delete(chat);
    return chats;
  }
}
