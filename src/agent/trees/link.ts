import type { AgentMessage, PartialUpdate } from "../../protocol/index.js";

/** The way to the relay, as long as one connection lasts. */
export interface Link {
  /** Sends one small message now. */
  send(message: AgentMessage): void;
  /**
   * Sends messages that may be large: each is drawn when there is room for it, in turn with other streams.
   *
   * @param isShort there is little of it: it does not wait until long streams that came before it had their turns
   */
  stream(messages: Iterator<AgentMessage, void>, isShort: boolean): void;
  /** The relay takes files that are cut into several parts (docs/protocol.md, "The tunnel"). */
  readonly cutsFiles: boolean;
}

/** Names one state of a tree, as agent and relay both number it (docs/protocol.md): `seq` counts within `epoch`. */
export interface StateRef {
  epoch: string;
  seq: number;
}

/** What the relay has of one tree when a connection begins. */
export interface Resumption {
  /** A state that it holds. */
  readonly held?: StateRef | undefined;
  /** An update of which it has the first parts. */
  readonly partial?: Omit<PartialUpdate, "root" | "compare"> | undefined;
}
