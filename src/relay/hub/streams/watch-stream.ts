import type { Channel } from "../channel.js";
import type { TreeState } from "../trees/tree-state.js";
import type { Frame } from "../viewer.js";
import type { FrameCache } from "./frame-cache.js";

/** The next frame for a client. */
export interface NextFrame {
  frame: Frame;
  /** After it, the client knows everything that is known: it answers a refresh, and counts as a sign of life. */
  isUpToDate: boolean;
}

/** When a frame goes out, and what about. */
export interface FrameRequest {
  /** Something must be said even if nothing differs. */
  mustSpeak: boolean;
  /** `scanned_at` of a frame that carries these roots (none: that speaks for every tree): milliseconds since 1970. */
  scannedAt: (told: readonly string[]) => number;
  /** The client takes old states for want of newer ones, and these are. */
  isStale: boolean;
}

/** What one client was told, in the words of its sub-protocol, and so what it lacks. */
export interface WatchStream {
  /** @returns `undefined` when there is nothing to say */
  next(channel: Channel, frames: FrameCache, occasion: FrameRequest): NextFrame | undefined;
  /** The client asks for the whole state of a tree. */
  forget(root: string): void;
  /** A state that the client may have been told is no longer the newest, and the client has not taken its last frame. */
  stateReplaced(state: TreeState): void;
  /** The client has a part of a message, and nothing else may be said to it before the rest. */
  readonly isMidMessage: boolean;
}
