import type { Answer } from "../../protocol/index.js";
import { type AgentState, QuestionError, type Workspace } from "../hub/index.js";
import type { Exchange, Following, Home, Hosted } from "./exchange.js";

/** Nobody is elsewhere. */
const NOTHING = { welcomed: () => undefined, said: () => undefined, ended: () => undefined };
const AT_HOME: Following = { stop: () => undefined };

/** One relay alone: whoever watches a workspace is where its agent is, and every call is a direct one. */
export class LocalExchange implements Exchange {
  readonly isConnected = true;
  readonly #stateHere: (workspace: string) => AgentState;

  /** @param stateHere the state of an agent as far as this relay knows */
  constructor(stateHere: (workspace: string) => AgentState) {
    this.#stateHere = stateHere;
  }

  host(_workspace: Workspace, { link }: Home): Hosted {
    return { local: link, ...NOTHING };
  }

  follow(): Following {
    return AT_HOME;
  }

  agentState(workspace: string): AgentState {
    return this.#stateHere(workspace);
  }

  ask(): Promise<Answer> {
    return Promise.reject(new QuestionError("no-agent"));
  }

  drain(): void {}

  async close(): Promise<void> {}
}
