import type { FrameCache } from "./streams/frame-cache.js";
import type { TreeState } from "./trees/tree-state.js";
import type { TreeView } from "./trees/tree-view.js";
import type { TurnShare } from "./turn-share.js";

/** A viewer that has more to send while its client has not taken its last frame, or while others have their turn. */
export interface BlockedViewer {
  /**
   * A tree has a newer state than `state`: the viewer may keep the old one, to find the difference by, within its own
   * bound, or drop it. Called at most once for each state.
   *
   * @returns whether it goes by the digest of the state's view from now on
   */
  stateReplaced(state: TreeState): boolean;
}

/**
 * What a viewer asks of the chat that it shows. What is read between two turns of the event loop is of one moment: a
 * message of the agent changes all of it at once.
 */
export interface WatchedChat {
  readonly agentIsConnected: boolean;
  /** One line for people: why nothing new comes. */
  readonly agentAwayMessage: string;
  /** Frames that all viewers of the workspace share while one update is fanned out. */
  readonly frames: FrameCache;
  /** What the viewers of the workspace may be sent before everybody else has a turn. */
  readonly turn: TurnShare;
  /** The viewers that have to hear of every state that is replaced; each enters and leaves by itself. */
  readonly blocked: Set<BlockedViewer>;
  /** The chat's trees, sorted. Immutable: another object after every change of the list. */
  readonly roots: ReadonlySet<string>;
  /** Whether the agent, or the store in its absence, has named the trees. */
  readonly knowsRoots: boolean;
  /** Last states are being brought from the store: nothing is shown until they are here. */
  readonly isLoading: boolean;
  /** Whether there is anything to show while the agent is away: a state, or the knowledge that the chat has no trees. */
  readonly hasLastStates: boolean;
  /** The newest whole states of the chat's trees, in the order of the roots; never a part of an update. */
  states(): TreeState[];
  /** The same as clients are shown it. */
  views(): TreeView[];
  /** One of the views; `undefined` when the tree is not the chat's, or nothing is known of it. */
  view(root: string): TreeView | undefined;
  /** Whether the trees of the chat are known, and this is none of them. */
  hasNoMore(root: string): boolean;
  /** What the chat showed before and no longer has. @returns as a rule the same array as long as it says the same */
  tombstones(): readonly string[];
  /** Whether each of the chat's trees has been confirmed by the agent that is there now, or has failed. */
  isSettled(): boolean;
  /**
   * When what a frame says was last known to be true, in milliseconds since 1970.
   *
   * @param roots those that the frame carries; with none, it speaks for every tree, so the one checked longest ago counts
   * @param afterBarrier the frame answers a refresh
   */
  scannedAt(roots: readonly string[], afterBarrier: boolean): number;
  /** What stands in the way at present, one line for people each. */
  troubles(): string[];
  /**
   * Resolves once every write that was finished before the call is in the states here; rejects when the agent is lost
   * meanwhile, or does not answer. It settles exactly once, and calls that wait together share one look of the agent.
   */
  barrier(): Promise<void>;
}
