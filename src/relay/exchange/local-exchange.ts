import type { Answer } from "../../protocol/index.js";
import { type AgentState, QuestionError, type Workspace } from "../hub/index.js";
import { activityHere } from "./activity.js";
import type { Activity, Exchange, ExchangeCounts, Following, Here, Home, Hosted } from "./exchange.js";

/** Nobody is elsewhere. */
const NOTHING = { welcomed: () => undefined, said: () => undefined, ended: () => undefined };
const AT_HOME: Following = { stop: () => undefined };

/** One relay alone: whoever watches a workspace is where its agent is, and every call is a direct one. */
export class LocalExchange implements Exchange {
  readonly isAlone = true;
  readonly isConnected = true;
  readonly counts: ExchangeCounts = { hosted: 0, followed: 0, gaps: 0, syncs: 0, homesLost: 0 };
  readonly #here: Here;

  constructor(here: Here) {
    this.#here = here;
  }

  host(_workspace: Workspace, { link }: Home): Hosted {
    return { local: link, ...NOTHING };
  }

  follow(): Following {
    return AT_HOME;
  }

  agentState(workspace: string): AgentState {
    return this.#here.agentState(workspace);
  }

  activity(workspace: string, chats: readonly string[]): Activity {
    return activityHere(this.#here, workspace, chats);
  }

  ask(): Promise<Answer> {
    return Promise.reject(new QuestionError("no-agent"));
  }

  refuseEverywhere(): void {}

  drain(): void {}

  async close(): Promise<void> {}
}
