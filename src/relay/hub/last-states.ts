import { setTimeout as sleep } from "node:timers/promises";
import { TunnelLimitError } from "../budgets/exceeded.js";
import type { RepeatedLog } from "../repeated-log.js";
import type { Soon } from "../soon.js";
import type { ChatRoots, TreeStates } from "../store/index.js";
import type { Channel } from "./channel.js";
import type { Channels } from "./channels.js";
import type { TreeCache } from "./trees/tree-cache.js";
import type { TurnSlice } from "./turn-slice.js";
import { FIRST_FRAME_PATIENCE_MS } from "./viewer.js";

export interface LastStatesOptions {
  chatRoots: Pick<ChatRoots, "prepare" | "present">;
  treeStates: Pick<TreeStates, "prepare" | "has">;
  channels: Pick<Channels, "setRoots">;
  trees: Pick<TreeCache, "load">;
  agentIsConnected: () => boolean;
  /** Whether the agent is at another relay, so that it is about to be connected with here as well. */
  agentIsElsewhere: () => Soon<boolean>;
  /** What bringing states may take of a turn; that of all workspaces. */
  slice: TurnSlice;
  /** Told when states have come. */
  onLoaded: () => void;
  log: Pick<RepeatedLog, "warn">;
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
   * Shows the last states of a chat's trees, as far as there is room. They come in slices: unpacking thousands of them at once would
   * hold up everybody else. Until they are here, nothing of the chat goes out unless the agent comes meanwhile, who says what is true.
   *
   * @returns when they are here; rejects with what the store throws
   */
  show(channel: Channel): Promise<void> {
    const underWay = this.#underWay.get(channel);
    if (underWay !== undefined) return underWay;
    channel.isLoading = true;
    const shown = Promise.resolve().then(() => this.#bring(channel));
    this.#underWay.set(channel, shown);
    return shown;
  }

  /** The agent is lost: for those who came while it was there, nothing was brought. */
  agentIsLost(channel: Channel): void {
    if (!channel.acceptsStale) return;
    this.show(channel).catch((thrown: unknown) => {
      const { chat } = channel;
      this.#options.log.warn(chat, { chat, err: thrown }, "last states cannot be brought from the store");
      channel.cannotStart(thrown);
    });
  }

  async #bring(channel: Channel): Promise<void> {
    const { slice, onLoaded } = this.#options;
    try {
      await this.#prepare(channel);
      if (!channel.knowsRoots && this.#isWanted(channel)) this.#list(channel);
      let roots: ReadonlySet<string> | undefined;
      while (roots !== channel.roots) {
        roots = channel.roots; // an agent may come, give another list, and go while this one waits
        for (const root of roots) {
          if (!this.#isWanted(channel)) break;
          await slice.run(() => this.#load(channel, root));
        }
      }
    } finally {
      // in the very turn in which the loop has ended: for who comes next they are brought anew
      channel.isLoading = false;
      this.#underWay.delete(channel);
      onLoaded();
    }
    channel.flush();
  }

  async #prepare(channel: Channel): Promise<void> {
    const { treeStates, chatRoots, agentIsElsewhere } = this.#options;
    const isElsewhere = await agentIsElsewhere();
    if (isElsewhere) await sleep(FIRST_FRAME_PATIENCE_MS, undefined, { ref: false }); // as a rule it is here long before
    await Promise.all([treeStates.prepare(this.#workspace), chatRoots.prepare(channel.chat)]);
  }

  #load(channel: Channel, root: string): void {
    const { treeStates, trees } = this.#options;
    if (this.#isWanted(channel) && treeStates.has(this.#workspace, root)) trees.load(root);
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
