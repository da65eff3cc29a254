import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../util/index.js";
import type { Exchange } from "../exchange/index.js";
import type { TreeCount } from "../hub/index.js";

/** A round through all that is listed begins no sooner after the one before, in milliseconds. */
const ROUND_MS = 5_000;
/** So many workspaces are asked about in one poll. */
const QUESTIONS = 100;

export interface RemoteActivityOptions {
  exchange: Pick<Exchange, "activity">;
  clock: Pick<Clock, "monotonicMs">;
  /** The chats that are shown to anybody, by workspace. */
  listed: () => ReadonlyMap<string, ReadonlySet<string>>;
  /** Told of a workspace of which something else is known now. */
  changed: (workspace: string) => void;
}

interface Question {
  readonly workspace: string;
  readonly chats: readonly string[];
}

/**
 * What lists of chats that are open show of agents at other relays. Nobody says by himself that an agent has come there or gone:
 * it is asked, round after round, as long as somebody looks.
 */
export class RemoteActivity {
  readonly #options: RemoteActivityOptions;
  readonly #agents = new Set<string>();
  readonly #counts = new Map<string, readonly TreeCount[]>();
  /** What is left of this round. */
  #questions: Question[] = [];
  #roundAtMs = Number.NEGATIVE_INFINITY;
  #isPolling = false;

  constructor(options: RemoteActivityOptions) {
    this.#options = options;
  }

  /** Whether a workspace's agent was connected to any relay when that was asked last. */
  hasAgent(workspace: string): boolean {
    return this.#agents.has(workspace);
  }

  /** This relay knows better: the agent has come or gone here. */
  forget(workspace: string): void {
    this.#agents.delete(workspace);
  }

  /** What a chat's trees added up to then. */
  treeCounts(chat: string): readonly TreeCount[] {
    return this.#counts.get(chat) ?? [];
  }

  /** Asks the next questions. To be called once a second. */
  async poll(): Promise<void> {
    if (this.#isPolling) return;
    this.#isPolling = true;
    try {
      if (this.#questions.length === 0) this.#begin();
      await Promise.all(this.#questions.splice(0, QUESTIONS).map((question) => this.#ask(question)));
    } finally {
      this.#isPolling = false;
    }
  }

  #begin(): void {
    const now = this.#options.clock.monotonicMs();
    if (now - this.#roundAtMs < ROUND_MS) return;
    this.#roundAtMs = now;
    const listed = this.#options.listed();
    const chats = new Set([...listed.values()].flatMap((ofWorkspace) => [...ofWorkspace]));
    for (const workspace of this.#agents) if (!listed.has(workspace)) this.#agents.delete(workspace);
    for (const chat of this.#counts.keys()) if (!chats.has(chat)) this.#counts.delete(chat);
    this.#questions = [...listed].map(([workspace, ofWorkspace]) => ({ workspace, chats: [...ofWorkspace] }));
  }

  async #ask({ workspace, chats }: Question): Promise<void> {
    const { hasAgent, counts } = await this.#options.exchange.activity(workspace, chats);
    let isSame = this.#agents.has(workspace) === hasAgent;
    if (hasAgent) this.#agents.add(workspace);
    else this.#agents.delete(workspace);
    for (const chat of chats) {
      const trees = counts.get(chat) ?? [];
      isSame &&= isDeepStrictEqual(trees, this.treeCounts(chat));
      if (trees.length > 0) this.#counts.set(chat, trees);
      else this.#counts.delete(chat);
    }
    if (!isSame) this.#options.changed(workspace);
  }
}
