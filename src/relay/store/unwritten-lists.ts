/** So many roots of chats whose lists were not written yet are held; then some of the workspace go that has the most of them. */
const MAX_UNWRITTEN_ROOTS = 100_000;
/** What a chat counts as beside its roots: a queue of writes holds 10,000. */
const CHAT_ROOTS = 10;

/** What was said of a chat, and is not written yet. */
interface UnwrittenList {
  readonly workspace: string;
  /** What the chat has; `undefined`: nobody has said. */
  readonly present: ReadonlySet<string> | undefined;
  /** What the chat had in between. */
  readonly gone: ReadonlySet<string>;
}

/** Chats' lists that wait to be written. A workspace that says too many of them loses its own, and nobody else's. */
export class UnwrittenLists<List extends UnwrittenList> {
  readonly #lists = new Map<string, { list: List; count: number }>();
  /** By workspace: its chats, those that have waited longest first, and what they count as together. */
  readonly #workspaces = new Map<string, { chats: Set<string>; count: number }>();
  #count = 0;

  get(chat: string): List | undefined {
    return this.#lists.get(chat)?.list;
  }

  has(chat: string): boolean {
    return this.#lists.has(chat);
  }

  set(chat: string, list: List): void {
    this.delete(chat);
    const count = CHAT_ROOTS + (list.present?.size ?? 0) + list.gone.size;
    const of = this.#workspaces.get(list.workspace) ?? { chats: new Set(), count: 0 };
    this.#workspaces.set(list.workspace, of);
    of.chats.add(chat);
    of.count += count;
    this.#lists.set(chat, { list, count });
    this.#count += count;
  }

  delete(chat: string): void {
    const known = this.#lists.get(chat);
    if (known === undefined) return;
    this.#lists.delete(chat);
    this.#count -= known.count;
    const { workspace } = known.list;
    const of = this.#workspaces.get(workspace);
    if (of === undefined) return;
    of.chats.delete(chat);
    of.count -= known.count;
    if (of.chats.size === 0) this.#workspaces.delete(workspace);
  }

  /** Gives up what is too much. @returns the chats whose lists are not held any more */
  giveUp(): string[] {
    const chats: string[] = [];
    while (this.#count > MAX_UNWRITTEN_ROOTS) {
      let most: { chats: Set<string>; count: number } | undefined;
      for (const each of this.#workspaces.values()) if (each.count > (most?.count ?? 0)) most = each;
      const [oldest] = most?.chats ?? [];
      if (oldest === undefined) break;
      this.delete(oldest);
      chats.push(oldest);
    }
    return chats;
  }
}
