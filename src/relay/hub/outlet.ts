import type { Frame } from "./streams/watch-stream.js";

/** Where a viewer's frames go: one WebSocket. */
export interface Outlet {
  /**
   * Writes one frame.
   *
   * @param done called exactly once, in a later turn, when the operating system has taken the frame or the socket has
   *   died; no frame is sent before
   */
  send(frame: Frame, done: () => void): void;
  /** Something has to wait: the frame before it has not drained yet. May be called again while it waits. */
  onBlocked(): void;
  /** A frame has drained, and nothing waits. */
  onDrained(): void;
  /** The next frame cannot be made, and no other will be asked for: what has to be read for it is not to be had. */
  onFailed(thrown: unknown): void;
  /**
   * Set: the agent has gone away, which is said to the client in another way than by an `error` frame.
   *
   * @param message one line for people
   */
  onAgentAway?(message: string): void;
}
