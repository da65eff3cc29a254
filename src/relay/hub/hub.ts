import type { Answer, Question } from "../../protocol/index.js";
import type { Logger } from "../../util/index.js";
import { Ledger } from "../budgets/account.js";
import { BUDGETS, type BudgetName } from "../budgets/exceeded.js";
import type { LimitOptions } from "../limit-options.js";
import type { Soon } from "../soon.js";
import type { ChatRoots, TreeStates } from "../store/index.js";
import type { AgentState } from "./agent-session.js";
import type { Channel } from "./channel.js";
import type { Outlet } from "./outlet.js";
import { QuestionError } from "./questions.js";
import type { WatchStream } from "./streams/watch-stream.js";
import type { TreeCount } from "./tree-count.js";
import { TurnSlice } from "./turn-slice.js";
import { Viewer } from "./viewer.js";
import { Workspace } from "./workspace.js";

export interface HubOptions {
  chatRoots: ChatRoots;
  treeStates: TreeStates;
  log: Logger;
  /** Milliseconds; for tests. */
  lingerMs?: number;
  limits: Pick<LimitOptions, "treeBytes" | "workspaceBytes" | "workspaceTrees" | "workspaceFiles" | "workspaceRows">;
  /** Told of every trouble that an agent reports. */
  onTrouble?: () => void;
  /** Called when the first chat of a workspace is watched; what it returns is called when the last one no longer is. */
  follow?: (workspace: Workspace) => () => void;
  /** The state of a workspace's agent at whatever relay it is; default: at this one. */
  agentStateAnywhere?: (workspace: string) => Soon<AgentState>;
  /** Told when the agent of a workspace has come or gone, and when a tree of it has changed. */
  onChange?: (workspace: string, what: "agent" | "trees") => void;
}

/** When too much is held, so much of the limit is made free of what nobody watches: not for each update anew. */
const ROOM = 0.1;

/** Which trees a viewer looks at. */
export interface Binding {
  /** The workspace's id, in lower case. */
  workspace: string;
  /** The chat's id, in lower case. */
  chat: string;
  /** Absolute; none: every repository that the agent finds. */
  paths: readonly string[];
  /** With what the trees are compared, a word of docs/comparisons.md; `undefined`: HEAD. */
  compare?: string | undefined;
  /** The ref that the chat names as base. */
  base?: string | undefined;
}

export interface ViewerOptions {
  outlet: Outlet;
  /** Of its own: it remembers what the client has been sent. */
  stream: WatchStream;
  /** The client accepts the last state that is known, marked as such, while the agent is away. */
  acceptsStale: boolean;
}

/** Where a viewer looks. */
interface Seat {
  workspace: Workspace;
  channel: Channel;
}

/** The workspaces that this process knows of, and who looks at them. */
export class Hub {
  readonly #options: HubOptions;
  readonly #workspaces = new Map<string, Workspace>();
  readonly #viewers = new Map<Viewer, Seat>();

  readonly #ledger = new Ledger();
  readonly #slice = new TurnSlice();
  #isGoingAway = false;

  constructor(options: HubOptions) {
    this.#options = options;
  }

  /** @param id in lower case */
  workspace(id: string): Workspace {
    let workspace = this.#workspaces.get(id);
    if (workspace === undefined) {
      workspace = new Workspace(id, {
        onTrouble: () => undefined,
        follow: () => () => undefined,
        ...this.#options,
        onChange: (what) => this.#options.onChange?.(id, what),
        agentIsElsewhere: async () => (await this.#options.agentStateAnywhere?.(id)) === "connected",
        slice: this.#slice,
        ledger: this.#ledger,
        onGrown: () => this.#keepLimit(),
        isGoingAway: () => this.#isGoingAway,
      });
      this.#workspaces.set(id, workspace);
    }
    return workspace;
  }

  /**
   * Has at hand what the hub reads of the store while it handles messages, so that it never waits amid one. To be called before an
   * agent's tunnel or a client's socket is opened, and before a client goes on with another binding.
   *
   * @param chat of a client: its id, in lower case
   * @returns `undefined` where nothing has to be waited for; rejects with what the store throws
   */
  prepare(workspace: string, chat?: string): Promise<void> | undefined {
    const { chatRoots, treeStates } = this.#options;
    // while its agent is there, clients see what that sends, and a store elsewhere is spared a reading for each of them
    const isLive = chat !== undefined && this.agentState(workspace) === "connected";
    const states = isLive ? undefined : treeStates.prepare(workspace);
    const roots = chat === undefined ? undefined : chatRoots.prepare(chat);
    return states === undefined && roots === undefined ? undefined : Promise.all([states, roots]).then(() => undefined);
  }

  /** Asks about a chat's trees, whether or not anybody watches them. @throws QuestionError */
  ask({ workspace: id, ...chat }: Binding, question: Question): Promise<Answer> {
    const workspace = this.#workspaces.get(id);
    return workspace?.ask(chat, question) ?? Promise.reject(new QuestionError("no-agent"));
  }

  /** The state of a workspace's agent, without making the workspace known. */
  agentState(id: string): AgentState {
    return this.#workspaces.get(id)?.agentState ?? "disconnected";
  }

  /** What the trees of a chat that is watched add up to, as far as they are here, without making the workspace known. */
  treeCounts(workspaceId: string, chat: string): readonly TreeCount[] {
    return this.#workspaces.get(workspaceId)?.counts(chat) ?? [];
  }

  /** Whether there is a last state of any of the chat's trees to show while the agent is away, as far as it was prepared. */
  hasLastState(workspaceId: string, chat: string): boolean {
    const { chatRoots, treeStates } = this.#options;
    const workspace = this.#workspaces.get(workspaceId);
    return chatRoots
      .present(chat)
      .some((root) => workspace?.state(root) !== undefined || treeStates.has(workspaceId, root));
  }

  /** What is held in memory, in bytes by the estimate of budgets/cost.ts; and of each budget, the most that is used of it. */
  counts(): {
    workspaces: number;
    chats: number;
    trees: number;
    treeBytes: number;
    budgets: Record<BudgetName, number>;
  } {
    const { chatRoots, treeStates, limits } = this.#options;
    const budgets = { "max-tree-bytes": this.#ledger.bytes / limits.treeBytes } as Record<BudgetName, number>;
    const counts = { workspaces: this.#workspaces.size, chats: 0, trees: 0, treeBytes: this.#ledger.bytes, budgets };
    for (const name of BUDGETS) budgets[name] ??= 0;
    for (const [id, workspace] of this.#workspaces) {
      counts.chats += [...workspace.channels].length;
      counts.trees += workspace.held.trees;
      const rows = Math.max(treeStates.rowCount(id), chatRoots.rowCount(id));
      const used = { ...workspace.held.used(), "workspace-rows": rows / limits.workspaceRows };
      for (const name of BUDGETS)
        if (name in used) budgets[name] = Math.max(budgets[name], used[name as keyof typeof used]);
    }
    return counts;
  }

  /** The relay stops: it parts with agents and viewers, and tells nobody of agents that it has parted with. */
  goAway(): void {
    this.#isGoingAway = true;
  }

  /** Shows a chat to a client from now on, until it {@link leave}s. */
  watch({ workspace: id, chat, paths, ...how }: Binding, { outlet, stream, acceptsStale }: ViewerOptions): Viewer {
    const workspace = this.workspace(id);
    const channel = workspace.channel(chat, paths, how);
    const viewer = new Viewer(channel, outlet, stream, acceptsStale);
    this.#viewers.set(viewer, { workspace, channel });
    workspace.join(channel, viewer);
    if (acceptsStale && !channel.agentIsConnected) this.#showLastStates(viewer, { workspace, channel });
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
  move(viewer: Viewer, { workspace: id, chat, paths, ...how }: Binding): void {
    const from = this.#viewers.get(viewer);
    if (from === undefined) return;
    const workspace = this.workspace(id);
    const channel = workspace.channel(chat, paths, how);
    if (channel === from.channel) return;
    from.workspace.leave(from.channel, viewer);
    from.workspace.drop(from.channel);
    viewer.moveTo(channel);
    this.#viewers.set(viewer, { workspace, channel });
    workspace.join(channel, viewer);
    if (channel.agentIsConnected) return;
    viewer.agentIsAway();
    this.#showLastStates(viewer, { workspace, channel });
  }

  #showLastStates(viewer: Viewer, { workspace, channel }: Seat): void {
    workspace.showLastStates(channel).catch((thrown: unknown) => {
      if (this.#viewers.get(viewer)?.channel === channel) viewer.fail(thrown);
    });
  }

  /**
   * Keeps what has changed, and forgets workspaces that nobody uses.
   *
   * @param isLast the relay stops: nothing is left for later
   * @param isOver asked before each tree is written: there is no more time
   * @throws what the first write threw that failed; the others were tried, and it is tried again next time
   */
  async tidy(isLast: boolean, isOver: () => boolean = () => false): Promise<void> {
    let failure: { thrown: unknown } | undefined;
    for (const workspace of this.#workspaces.values()) {
      try {
        await workspace.save(isLast, isOver);
      } catch (thrown) {
        failure ??= { thrown };
      }
    }
    this.#keepLimit();
    for (const [id, workspace] of this.#workspaces) {
      if (!workspace.isIdle) continue;
      workspace.discard();
      this.#workspaces.delete(id);
    }
    if (failure !== undefined) throw failure.thrown;
  }

  /** Sees to it that all workspaces together hold no more than they may: first goes what nobody watches. */
  #keepLimit(): void {
    const limit = this.#options.limits.treeBytes;
    if (this.#ledger.bytes <= limit) return;
    for (const unwritten of [false, true]) {
      for (const workspace of this.#workspaces.values()) {
        const excess = this.#ledger.bytes - (1 - ROOM) * limit;
        if (excess <= 0) return;
        workspace.evict(excess, { unwritten });
      }
      if (this.#ledger.bytes <= limit) return;
    }
    const largestFirst = [...this.#workspaces.values()].sort((a, b) => b.held.bytes - a.held.bytes);
    for (const workspace of largestFirst) {
      if (this.#ledger.bytes <= limit) return;
      workspace.shed("max-tree-bytes");
    }
  }

  /**
   * Lets every viewer know that nothing changed whose stream says that it is time for that.
   *
   * @param earlyMs how much before, in milliseconds: the next look is that far away
   */
  heartbeat(earlyMs: number): void {
    for (const viewer of this.#viewers.keys()) viewer.heartbeat(earlyMs);
  }
}
