import type { Logger } from "../../util/index.js";
import type { ChatRoots, TreeStates } from "../store/index.js";
import type { AgentState } from "./agent-session.js";
import type { Channel } from "./channel.js";
import type { Outlet } from "./outlet.js";
import type { WatchStream } from "./streams/watch-stream.js";
import { Viewer } from "./viewer.js";
import { Workspace } from "./workspace.js";

export interface HubOptions {
  chatRoots: ChatRoots;
  treeStates: TreeStates;
  log: Logger;
  /** Milliseconds; for tests. */
  lingerMs?: number;
}

/** Which trees a viewer looks at. */
export interface Binding {
  /** The workspace's id, in lower case. */
  workspace: string;
  /** The chat's id, in lower case. */
  chat: string;
  /** Absolute; none: every repository that the agent finds. */
  paths: readonly string[];
}

export interface ViewerOptions {
  outlet: Outlet;
  /** Of its own: it remembers what the client has been sent. */
  stream: WatchStream;
  /** The client accepts the last state that is known, marked as such, while the agent is away. */
  acceptsStale: boolean;
}

/** The workspaces that this process knows of, and who looks at them. */
export class Hub {
  readonly #options: HubOptions;
  readonly #workspaces = new Map<string, Workspace>();
  readonly #viewers = new Map<Viewer, { workspace: Workspace; channel: Channel }>();

  constructor(options: HubOptions) {
    this.#options = options;
  }

  /** @param id in lower case */
  workspace(id: string): Workspace {
    let workspace = this.#workspaces.get(id);
    if (workspace === undefined) {
      workspace = new Workspace(id, this.#options);
      this.#workspaces.set(id, workspace);
    }
    return workspace;
  }

  /** The state of a workspace's agent, without making the workspace known. */
  agentState(id: string): AgentState {
    return this.#workspaces.get(id)?.agentState ?? "disconnected";
  }

  /** Whether there is a last state of any of the chat's trees to show while the agent is away. */
  hasLastState(workspaceId: string, chat: string): boolean {
    const { chatRoots, treeStates } = this.#options;
    const workspace = this.#workspaces.get(workspaceId);
    return chatRoots
      .present(chat)
      .some((root) => workspace?.state(root) !== undefined || treeStates.has(workspaceId, root));
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

  /** Shows a chat to a client from now on, until it {@link leave}s. */
  watch({ workspace: id, chat, paths }: Binding, { outlet, stream, acceptsStale }: ViewerOptions): Viewer {
    const workspace = this.workspace(id);
    const channel = workspace.channel(chat, paths);
    try {
      if (acceptsStale && !channel.agentIsConnected) workspace.load(channel);
    } catch (thrown) {
      workspace.drop(channel); // unless others watch it
      throw thrown;
    }
    const viewer = new Viewer(channel, outlet, stream, acceptsStale);
    this.#viewers.set(viewer, { workspace, channel });
    workspace.join(channel, viewer);
    return viewer;
  }

  /**
   * A viewer's socket is gone. Does nothing for one that has left.
   *
   * @param options `mayReturn`: the chat is watched for a while longer, since a page that reloads comes back to it
   */
  leave(viewer: Viewer, { mayReturn }: { mayReturn: boolean }): void {
    const seat = this.#viewers.get(viewer);
    if (seat === undefined) return;
    this.#viewers.delete(viewer);
    viewer.ended();
    seat.workspace.leave(seat.channel, viewer);
    if (!mayReturn) seat.workspace.drop(seat.channel);
  }

  /** Lets a viewer that has not left go on with the chat's present binding. Its next frame carries the difference. */
  move(viewer: Viewer, { workspace: id, chat, paths }: Binding): void {
    const from = this.#viewers.get(viewer);
    if (from === undefined) return;
    const workspace = this.workspace(id);
    const channel = workspace.channel(chat, paths);
    if (channel === from.channel) return;
    from.workspace.leave(from.channel, viewer);
    from.workspace.drop(from.channel);
    viewer.moveTo(channel);
    this.#viewers.set(viewer, { workspace, channel });
    workspace.join(channel, viewer);
    if (!channel.agentIsConnected) viewer.sendError(channel.agentAwayMessage);
  }

  /**
   * Keeps what has changed, and evicts what nobody watches while more is held than should be.
   *
   * @param maxTreeUnits how many UTF-16 units the held states may have
   * @param isLast the relay stops: nothing is left for later
   * @throws what the first write threw that failed; the others were tried, and it is tried again next time
   */
  async tidy(maxTreeUnits: number, isLast: boolean): Promise<void> {
    let failure: { thrown: unknown } | undefined;
    for (const workspace of this.#workspaces.values()) {
      try {
        await workspace.save(isLast);
      } catch (thrown) {
        failure ??= { thrown };
      }
    }
    let held = this.counts().treeBytes;
    for (const [id, workspace] of this.#workspaces) {
      if (held > maxTreeUnits) held -= workspace.evict(held - maxTreeUnits);
      if (workspace.isIdle) this.#workspaces.delete(id);
    }
    if (failure !== undefined) throw failure.thrown;
  }

  /** Lets every viewer that has been quiet for so long know that nothing changed. */
  heartbeat(afterMs: number): void {
    for (const viewer of this.#viewers.keys()) viewer.heartbeat(afterMs);
  }
}
