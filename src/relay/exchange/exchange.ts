import type { AgentMessage, Answer, Question, SecretsMode } from "../../protocol/index.js";
import type { AgentLink, AgentState, Binding, Workspace } from "../hub/index.js";
import type { Soon } from "../soon.js";

/** What an agent says once it is welcome. */
export type AgentReport = Exclude<AgentMessage, { type: "hello" | "named" }>;

/** The tunnel of an agent that has connected to this relay. */
export interface Home {
  /** Leads to the agent. */
  readonly link: AgentLink;
  /** The agent of the same workspace has connected to another relay: this one is closed with 4001. */
  replaced(): void;
}

/** What of an agent's hello those who watch elsewhere have to know. */
export interface Welcomed {
  /** What it does with secrets; `undefined`: it knows of none. */
  secrets: SecretsMode | undefined;
  /** It knows of comparisons with something else than HEAD. */
  compares: boolean;
}

/** An agent whose home this relay is, from its hello until its tunnel is closed. */
export interface Hosted {
  /** What the workspace is attached with: it stands for all who watch, here and at other relays. */
  readonly local: AgentLink;
  /** The workspace is attached with {@link local}: other relays may follow from here on. Called once at most. */
  welcomed(welcomed: Welcomed): void;
  /** The agent has said this, and the workspace here has taken it. In the agent's order, each message once. */
  said(message: AgentReport): void;
  /** The tunnel is closed. Called once. */
  ended(state: "disconnected" | "timeout"): void;
}

/**
 * The seam between a workspace's home, which is the relay that its agent has connected to, and the relays at which its viewers
 * are. All of them have a `Workspace` of their own, and none of those knows whose link it is attached with.
 */
export interface Exchange {
  /** Whether other relays can be reached at present, as far as this one knows; always where there are none. */
  readonly isConnected: boolean;
  /**
   * An agent has said hello, and is welcomed when this is there: then no other relay has it any more, as far as one can
   * know.
   *
   * @returns at once where no other relay has to be asked, so that a message that follows the hello finds it done
   */
  host(workspace: Workspace, home: Home): Soon<Hosted>;
  /**
   * Somebody watches a workspace here, from its first watched chat to its last. Where another relay is its home, the workspace is
   * attached to that, and detached when that is lost or this stops.
   */
  follow(workspace: Workspace): Following;
  /** The state of a workspace's agent, wherever it is connected. @param workspace its id, in lower case */
  agentState(workspace: string): Soon<AgentState>;
  /**
   * Asks an agent that is connected to another relay about a chat's trees, whether or not anybody watches them.
   *
   * @throws QuestionError
   */
  ask(chat: Binding, question: Question): Promise<Answer>;
  /** The relay stops, and is about to close its tunnels: whoever follows them elsewhere is told that the agents come back. */
  drain(): void;
  /** Lets go of other relays, when the last socket is closed. */
  close(): Promise<void>;
}

/** Somebody watches, until {@link stop}. */
export interface Following {
  stop(): void;
}
