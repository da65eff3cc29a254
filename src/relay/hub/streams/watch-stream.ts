import type { TextFrame } from "../encoding/text-frame.js";
import type { TreeState } from "../trees/tree-state.js";
import type { WatchedChat } from "../watched-chat.js";

/** One WebSocket frame: a message, or a fragment of one (RFC 6455, section 5.4). */
export interface Frame {
  kind: "changes" | "delta" | "error";
  data: TextFrame;
  /** When the change that it carries was scanned: milliseconds since 1970; `undefined` when it carries none. */
  scannedAt: number | undefined;
  /** Otherwise the message continues in the next frame. */
  isLast: boolean;
  /** It is the end of a message that more was left out of than of its trees by themselves. */
  isCut?: boolean;
}

/** The next frame for a client. */
export interface NextFrame {
  frame: Frame;
  /** After it, the client knows everything that is known: it answers a refresh, and counts as a sign of life. */
  isUpToDate: boolean;
}

/** When a frame goes out, and what about. */
export interface FrameRequest {
  /** A frame is wanted although nothing differs. */
  evenIfUnchanged: boolean;
  /** `scanned_at` of a frame that carries these roots (none: that speaks for every tree): milliseconds since 1970. */
  scannedAt: (roots: readonly string[]) => number;
  /** The client accepts old states for want of newer ones, and these are. */
  isStale: boolean;
  /** Names of the refreshes that the frame answers when the client knows everything after it. */
  answers: readonly string[];
}

/** What one client has been sent, in the form of its sub-protocol, and so what it lacks. */
export interface WatchStream {
  /** Its clients are told at least this often that nothing changed, in milliseconds. */
  readonly heartbeatMs: number;
  /**
   * The frame that the client needs next. It counts as sent: the caller sends it, in order, or the stream ends.
   *
   * @returns `undefined` when the client lacks nothing
   */
  next(chat: WatchedChat, request: FrameRequest): NextFrame | undefined;
  /** The client asks for the whole state of a tree. */
  forget(root: string): void;
  /**
   * A state that the client may have been sent is no longer the newest, and the client has not taken its last frame.
   *
   * @returns whether it is the one that was sent, of which the digest is all that will be left
   */
  stateReplaced(state: TreeState): boolean;
  /** The client has a part of a message, and nothing else may be sent to it before the rest. */
  readonly isMidMessage: boolean;
}
