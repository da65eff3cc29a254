import { treeOfKey } from "../../protocol/index.js";
import type { Channel } from "./channel.js";

/** The watched chats of one workspace, by id and comparison, and by the trees that they have. */
export class Channels implements Iterable<Channel> {
  readonly #byName = new Map<string, Channel>();
  /** `undefined`: a channel or its roots have changed since it was made. */
  #byRoot: Map<string, Channel[]> | undefined;

  get size(): number {
    return this.#byName.size;
  }

  [Symbol.iterator](): Iterator<Channel> {
    return this.#byName.values();
  }

  /** @param chat its id, in lower case @param compare with what its trees are compared; default: HEAD */
  get(chat: string, compare?: string): Channel | undefined {
    return this.#byName.get(nameOf({ chat, compare }));
  }

  /** Those of a chat, one for each comparison. */
  ofChat(chat: string): Channel[] {
    return [...this.#byName.values()].filter((channel) => channel.chat === chat);
  }

  add(channel: Channel): void {
    this.#byName.set(nameOf(channel), channel);
    this.#byRoot = undefined;
  }

  /** @returns whether it was among them; another one of the same chat stays */
  delete(channel: Channel): boolean {
    const name = nameOf(channel);
    if (this.#byName.get(name) !== channel) return false;
    this.#byRoot = undefined;
    channel.ended();
    return this.#byName.delete(name);
  }

  /** Gives a channel another list of trees. @throws TunnelLimitError when it is longer than an agent may make it */
  setRoots(channel: Channel, roots: Iterable<string>): void {
    channel.setRoots(roots);
    this.#byRoot = undefined;
  }

  /** Takes one tree from a channel's list. */
  removeRoot(channel: Channel, root: string): void {
    const roots = new Set(channel.roots);
    if (!roots.delete(root)) return;
    channel.setRoots(roots);
    const others = this.#byRoot?.get(root)?.filter((other) => other !== channel) ?? [];
    if (others.length > 0) this.#byRoot?.set(root, others);
    else this.#byRoot?.delete(root);
  }

  /** The channels that have a tree among theirs. Kept beside the channels: it is asked for at every update. */
  withRoot(root: string): readonly Channel[] {
    this.#byRoot ??= this.#indexByRoot();
    return this.#byRoot.get(root) ?? [];
  }

  /** The channels that show a tree as it is compared. @param key what `treeKey` names it by */
  withTree(key: string): readonly Channel[] {
    const { root } = treeOfKey(key);
    return this.withRoot(root).filter((channel) => channel.treeKey(root) === key);
  }

  #indexByRoot(): Map<string, Channel[]> {
    const index = new Map<string, Channel[]>();
    for (const channel of this) {
      for (const root of channel.roots) {
        const channels = index.get(root);
        if (channels === undefined) index.set(root, [channel]);
        else channels.push(channel);
      }
    }
    return index;
  }
}

function nameOf({ chat, compare }: { chat: string; compare?: string | undefined }): string {
  return compare === undefined ? chat : `${chat} ${compare}`;
}
