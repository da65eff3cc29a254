import type { AgentMessage } from "../../protocol/index.js";

/** The way to the relay, as long as one connection lasts. */
export interface Link {
  /** Sends one small message now. */
  send(message: AgentMessage): void;
  /** Sends messages that may be large: each is drawn when there is room for it, in turn with other streams. */
  stream(messages: Iterator<AgentMessage, void>): void;
}

/** Names one state of a tree, as agent and relay both number it (docs/protocol.md): `seq` counts within `epoch`. */
export interface StateRef {
  epoch: string;
  seq: number;
}
