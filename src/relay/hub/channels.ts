import type { Channel } from "./channel.js";

/** The watched chats of one workspace, by id and by the trees that they have. */
export class Channels implements Iterable<Channel> {
  readonly #byChat = new Map<string, Channel>();
  /** `undefined`: a channel or its roots have changed since it was made. */
  #byRoot: Map<string, Channel[]> | undefined;

  get size(): number {
    return this.#byChat.size;
  }

  [Symbol.iterator](): Iterator<Channel> {
    return this.#byChat.values();
  }

  /** @param chat its id, in lower case */
  get(chat: string): Channel | undefined {
    return this.#byChat.get(chat);
  }

  add(channel: Channel): void {
    this.#byChat.set(channel.chat, channel);
    this.#byRoot = undefined;
  }

  /** @returns whether it was among them; another one of the same chat stays */
  delete(channel: Channel): boolean {
    if (this.#byChat.get(channel.chat) !== channel) return false;
    this.#byRoot = undefined;
    channel.ended();
    return this.#byChat.delete(channel.chat);
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
