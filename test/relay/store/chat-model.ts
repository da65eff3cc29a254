import type { ChatBinding } from "../../../src/relay/store/index.js";

interface ModelChat {
  id: string;
  owner: string | undefined;
  workspace: string | undefined;
  paths: readonly string[];
  base: string;
  parent: string | undefined;
  title: string;
  labels: Record<string, string>;
  archived: boolean;
}

/** What chats are by the words of the store's interface. */
export class ChatModel {
  /** In the order in which they were made. */
  readonly chats = new Map<string, ModelChat>();
  #changed = new Set<string>();

  /** Those that have changed since the last call. */
  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  /** @returns "done", or the code of the error */
  bind(binding: ChatBinding): string {
    const before = this.chats.get(binding.chat);
    const parent = binding.parent === undefined ? undefined : this.chats.get(binding.parent);
    if (binding.parent !== undefined && parent === undefined) return "TW_NO_SUCH_CHAT";
    if (parent !== undefined && this.#below(binding.chat).has(parent.id)) return "TW_BAD_USAGE";
    this.#changed.add(binding.chat);
    this.chats.set(binding.chat, {
      id: binding.chat,
      owner: binding.owner ?? before?.owner ?? parent?.owner,
      workspace: binding.workspace,
      paths: [],
      base: binding.base ?? "",
      parent: binding.parent ?? before?.parent,
      title: before?.title ?? "",
      labels: {},
      archived: (before ?? parent)?.archived ?? false,
    });
    return "done";
  }

  unbind(id: string): boolean {
    const chat = this.chats.get(id);
    if (chat === undefined) return false;
    this.#changed.add(id);
    Object.assign(chat, { workspace: undefined, base: "" });
    return true;
  }

  /** @returns "done", or what does not hold */
  update(id: string, { title, archived }: { title?: string; archived?: boolean }, owner: string | undefined): string {
    const chat = this.chats.get(id);
    if (chat === undefined || (owner !== undefined && chat.owner !== owner)) return "no-such-chat";
    if (archived !== undefined) {
      if (chat.parent !== undefined) return "not-root";
      if (chat.archived === archived) return archived ? "already-archived" : "not-archived";
      for (const below of this.#below(id)) {
        const each = this.chats.get(below);
        if (each === undefined || each.archived === archived) continue;
        each.archived = archived;
        this.#changed.add(below);
      }
    }
    if (title !== undefined) {
      chat.title = title;
      this.#changed.add(id);
    }
    return "done";
  }

  /** A chat, and those below it. */
  #below(id: string): Set<string> {
    const below = new Set([id]);
    for (const found of below) {
      for (const chat of this.chats.values()) if (chat.parent === found) below.add(chat.id);
    }
    return below;
  }
}
