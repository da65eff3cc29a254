import type { Logger } from "../../util/index.js";
import type { ChatRoots, TreeStates } from "../store/index.js";
import type { Channel } from "./channel.js";
import type { Viewer } from "./viewer.js";
import { Workspace } from "./workspace.js";

export interface HubOptions {
  chatRoots: ChatRoots;
  treeStates: TreeStates;
  log: Logger;
  /** Milliseconds; for tests. */
  lingerMs?: number;
}

/** The workspaces that this process knows of. */
export class Hub {
  readonly #options: HubOptions;
  readonly #workspaces = new Map<string, Workspace>();

  constructor(options: HubOptions) {
    this.#options = options;
  }

  workspace(id: string): Workspace {
    let workspace = this.#workspaces.get(id);
    if (workspace === undefined) {
      workspace = new Workspace(id, this.#options);
      this.#workspaces.set(id, workspace);
    }
    return workspace;
  }

  /** The state of a workspace's agent, without making the workspace known. */
  agentStatus(id: string): Workspace["status"] {
    return this.#workspaces.get(id)?.status ?? "disconnected";
  }

  /** Whether there is a last state of any of the chat's trees to show while the agent is away. */
  recalls(workspaceId: string, chat: string): boolean {
    const { chatRoots, treeStates } = this.#options;
    const held = this.#workspaces.get(workspaceId);
    return chatRoots
      .present(chat.toLowerCase())
      .some((root) => held?.state(root) !== undefined || treeStates.has(workspaceId, root));
  }

  /** What is held in memory. */
  counts(): { workspaces: number; chats: number; trees: number; treeBytes: number } {
    const counts = { workspaces: this.#workspaces.size, chats: 0, trees: 0, treeBytes: 0 };
    for (const workspace of this.#workspaces.values()) {
      counts.chats += [...workspace.channels].length;
      for (const state of workspace.states) {
        counts.trees += 1;
        counts.treeBytes += state.size;
      }
    }
    return counts;
  }

  /** A viewer's socket is gone. */
  leave(viewer: Viewer): void {
    viewer.channel.workspace.leave(viewer.channel, viewer);
  }

  /** Stops watching a channel that has no viewer, without lingering: nobody may come back to it. */
  dropUnwatched(channel: Channel): void {
    if (channel.viewers.size === 0) channel.workspace.drop(channel);
  }

  /** Lets a viewer go on with the chat's present binding. Its next frame tells the difference. */
  move(viewer: Viewer, workspaceId: string, chat: string, paths: readonly string[]): void {
    const to = this.workspace(workspaceId);
    const from = viewer.channel;
    const channel = to.channel(chat, paths);
    if (channel === from) return;
    from.workspace.leave(from, viewer);
    this.dropUnwatched(from);
    viewer.moveTo(channel);
    to.join(channel, viewer);
    if (!channel.agentIsConnected) viewer.tellError(channel.agentAwayMessage);
  }

  /**
   * Keeps what has changed, and lets go of what nobody watches while more is held than should be.
   *
   * @param maxTreeUnits how many UTF-16 units the held states may have
   * @param isLast the relay stops: nothing is left for later
   */
  async tidy(maxTreeUnits: number, isLast: boolean): Promise<void> {
    for (const workspace of this.#workspaces.values()) await workspace.save(isLast);
    let held = this.counts().treeBytes;
    for (const [id, workspace] of this.#workspaces) {
      if (held > maxTreeUnits) held -= workspace.evict(held - maxTreeUnits);
      if (workspace.isIdle) this.#workspaces.delete(id);
    }
  }

  /** Lets every viewer that has been quiet for so long know that nothing changed. */
  heartbeat(afterMs: number): void {
    for (const workspace of this.#workspaces.values()) {
      for (const channel of workspace.channels) for (const viewer of channel.viewers) viewer.heartbeat(afterMs);
    }
  }
}
