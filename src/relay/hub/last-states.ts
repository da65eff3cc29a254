import { setImmediate as nextTurn } from "node:timers/promises";
import { TunnelLimitError } from "../budgets/exceeded.js";
import type { ChatRoots, TreeStates } from "../store/index.js";
import type { Channel } from "./channel.js";
import type { Channels } from "./channels.js";
import type { TreeCache } from "./trees/tree-cache.js";

/** For so long states are unpacked before everybody else has a turn, in milliseconds. */
const SLICE_MS = 2;

export interface LastStatesOptions {
  chatRoots: Pick<ChatRoots, "prepare" | "present">;
  treeStates: Pick<TreeStates, "prepare" | "has">;
  channels: Pick<Channels, "setRoots">;
  trees: Pick<TreeCache, "load">;
  agentIsConnected: () => boolean;
  /** Told when states have come. */
  onLoaded: () => void;
}

/** Brings what the store has of a workspace's trees to those who look at them while the agent is away. */
export class LastStates {
  readonly #workspace: string;
  readonly #options: LastStatesOptions;
  readonly #underWay = new Map<Channel, Promise<void>>();

  constructor(workspace: string, options: LastStatesOptions) {
    this.#workspace = workspace;
    this.#options = options;
  }

  /**
   * Shows the last states of a chat's trees, as far as there is room. They come some in each turn of the event loop: unpacking
   * thousands of them at once would hold up everybody else. Nothing of the chat goes out until they are here. An agent that comes
   * meanwhile says what is true. When the store cannot be read, those viewers fail who have been shown nothing of the chat.
   *
   * @returns when they are here; never rejects
   */
  show(channel: Channel): Promise<void> {
    const shown = this.#underWay.get(channel) ?? this.#show(channel);
    this.#underWay.set(channel, shown);
    return shown;
  }

  async #show(channel: Channel): Promise<void> {
    const { chatRoots, treeStates, trees, onLoaded } = this.#options;
    channel.isLoading = true;
    try {
      await Promise.all([treeStates.prepare(this.#workspace), chatRoots.prepare(channel.chat)]);
      if (!channel.knowsRoots && this.#isWanted(channel)) this.#list(channel);
      let end = performance.now() + SLICE_MS;
      let roots: ReadonlySet<string> | undefined;
      while (roots !== channel.roots) {
        roots = channel.roots; // an agent may come, give another list, and go while this one waits
        for (const root of roots) {
          if (!this.#isWanted(channel)) break;
          if (treeStates.has(this.#workspace, root)) trees.load(root);
          if (performance.now() < end) continue;
          await nextTurn();
          end = performance.now() + SLICE_MS;
        }
      }
    } catch (thrown) {
      channel.cannotBeShown(thrown);
    }
    // in the very turn in which it was found out: who comes next has them brought anew
    channel.isLoading = false;
    this.#underWay.delete(channel);
    onLoaded();
    channel.flush();
  }

  /** The agent is away, and somebody looks. */
  #isWanted(channel: Channel): boolean {
    return !this.#options.agentIsConnected() && channel.viewers.size > 0;
  }

  /** Names the trees, if there is room for the list. */
  #list(channel: Channel): void {
    const { chatRoots, channels } = this.#options;
    const roots = chatRoots.present(channel.chat);
    if (roots.length === 0) return;
    try {
      channels.setRoots(channel, roots);
    } catch (thrown) {
      if (!(thrown instanceof TunnelLimitError)) throw thrown;
    }
  }
}
