import type { FrameCache } from "./streams/frame-cache.js";
import type { TreeState } from "./trees/tree-state.js";
import type { TurnShare } from "./turn-share.js";
import type { BlockedViewer } from "./watched-chat.js";

/** What a channel asks of its workspace. Updates are atomic per tree: a state is seen whole, or the one before it. */
export interface ChannelHost {
  readonly agentIsConnected: boolean;
  /** Whether the agent that is connected knows of comparisons with something else than HEAD. */
  readonly agentCompares: boolean;
  /** One line for people: why nothing new comes. */
  readonly agentAwayMessage: string;
  readonly frames: FrameCache;
  readonly turn: TurnShare;
  readonly blocked: Set<BlockedViewer>;
  /** The newest whole state of a tree. @param root what `treeKey` names it by, here and below */
  state(root: string): TreeState | undefined;
  /** Whether the agent that is connected now has confirmed the tree. */
  isLive(root: string): boolean;
  /** When the tree was last known to be as it is here, in milliseconds since 1970; 0 when it is unknown. */
  scannedAt(root: string): number;
  /** The roots that a chat ever had and has no more. */
  tombstones(chat: string): readonly string[];
  /**
   * Asks the agent to read a chat's trees. Settles exactly once, after every state that the agent sent before its answer
   * has been applied.
   *
   * @param compare with what they are compared; `undefined`: HEAD
   * @returns when it read them, in milliseconds since 1970; rejects when the agent is away, is lost or does not answer
   */
  refresh(chat: string, compare: string | undefined): Promise<number>;
}
