import type { AgentMessage, Answer, Question, SecretsMode } from "../../protocol/index.js";
import type { AgentLink, AgentState, Binding, TreeCount, Workspace } from "../hub/index.js";
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

/** What is known of chats of a workspace, beside what the store has of them. */
export interface Activity {
  /** Whether the workspace's agent is connected, to whichever relay. */
  readonly hasAgent: boolean;
  /** By chat: what the trees add up to of those that are watched, at whichever relay. */
  readonly counts: ReadonlyMap<string, readonly TreeCount[]>;
}

/** What this relay knows by itself: its hub does. */
export interface Here {
  /** @param workspace its id, in lower case, here and below */
  agentState(workspace: string): AgentState;
  treeCounts(workspace: string, chat: string): readonly TreeCount[];
}

/** What has been done for others, and what has gone wrong between relays, since this one was started. */
export interface ExchangeCounts {
  /** Workspaces whose agents are here, and those that are watched here and hosted elsewhere, at present. */
  hosted: number;
  followed: number;
  /** How often something of a home's log was missing. */
  gaps: number;
  /** How often a home was asked for everything that is true. */
  syncs: number;
  /** How often a home that was followed was there no more. */
  homesLost: number;
}

/** What of that goes wrong, to be counted on. */
export type Troubles = Pick<ExchangeCounts, "gaps" | "syncs" | "homesLost">;

/**
 * The seam between a workspace's home, which is the relay that its agent has connected to, and the relays at which its viewers
 * are. All of them have a `Workspace` of their own, and none of those knows whose link it is attached with.
 */
export interface Exchange {
  /** There are no other relays, and never will be. */
  readonly isAlone: boolean;
  /** Whether other relays can be reached at present, as far as this one knows; always where there are none. */
  readonly isConnected: boolean;
  readonly counts: ExchangeCounts;
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
   * What a list of chats says of a workspace, wherever its agent is; it may be a second old. Where the agent's relay does not
   * answer within a second, it is what this relay knows.
   *
   * @param chats their ids, in lower case
   */
  activity(workspace: string, chats: readonly string[]): Soon<Activity>;
  /**
   * Asks an agent that is connected to another relay about a chat's trees, whether or not anybody watches them.
   *
   * @throws QuestionError
   */
  ask(chat: Binding, question: Question): Promise<Answer>;
  /** Somebody has brought too many tokens that do not count, and is refused here: other relays refuse them for as long. */
  refuseEverywhere(address: string, forMs: number): void;
  /** The relay stops, and is about to close its tunnels: whoever follows them elsewhere is told that the agents come back. */
  drain(): void;
  /** Lets go of other relays, when the last socket is closed. */
  close(): Promise<void>;
}

/** Somebody watches, until {@link stop}. */
export interface Following {
  stop(): void;
}
