import { LRUCache } from "lru-cache";
import type { Clock } from "../../../util/index.js";
import { listBytes } from "../../budgets/cost.js";
import type { AgentState } from "../../hub/index.js";
import type { Soon } from "../../soon.js";
import { activityHere } from "../activity.js";
import { NobodyListensError, NoReplyError } from "../bus/bus.js";
import { MAX_LISTED_CHATS } from "../bus/messages.js";
import type { HomeState, Wire } from "../bus/wire.js";
import type { Activity, Here } from "../exchange.js";

/** How long a home has to answer, and for how long that holds. Milliseconds. */
const ANSWER_MS = 1_000;
const HOLDS_MS = 1_000;
/** By then every question has its answer, and that does not hold any more. */
const KEPT_MS = ANSWER_MS + HOLDS_MS;
/** So many states of agents are remembered. */
const MAX_STATES = 10_000;
/** Of lists so much: whoever has a token may ask for any part of theirs, and each part is another list. */
const MAX_LISTS_BYTES = 16 * 1024 * 1024;

/** What is known of something, or will be. */
interface Known<T> {
  readonly value: Soon<T>;
  /** Of the monotonic clock. */
  readonly atMs: number;
}

/** What homes at other relays say of their workspaces: asked for when somebody wants to know, and at most once a second. */
export class Elsewhere {
  readonly #wire: Pick<Wire, "who">;
  readonly #clock: Clock;
  readonly #here: Here;
  readonly #states = new LRUCache<string, Known<AgentState>>({ max: MAX_STATES });
  readonly #activities = new LRUCache<string, Known<Activity>>({
    maxSize: MAX_LISTS_BYTES,
    sizeCalculation: ({ value }, name) => listBytes(name, value instanceof Promise ? undefined : value.counts),
  });

  constructor(wire: Pick<Wire, "who">, clock: Clock, here: Here) {
    this.#wire = wire;
    this.#clock = clock;
    this.#here = here;
  }

  agentState(workspace: string): Soon<AgentState> {
    return this.#recent(this.#states, workspace, async () => {
      const home = await this.#ask(workspace);
      return home?.state ?? this.#here.agentState(workspace);
    });
  }

  activity(workspace: string, chats: readonly string[]): Soon<Activity> {
    if (chats.length <= MAX_LISTED_CHATS) return this.#activity(workspace, chats);
    const parts: Soon<Activity>[] = [];
    for (let at = 0; at < chats.length; at += MAX_LISTED_CHATS) {
      parts.push(this.#activity(workspace, chats.slice(at, at + MAX_LISTED_CHATS)));
    }
    return Promise.all(parts).then(together);
  }

  /** Lets go of what does not hold any more. To be called now and then. @param now of the monotonic clock */
  tick(now: number): void {
    forget(this.#states, now - KEPT_MS);
    forget(this.#activities, now - KEPT_MS);
  }

  /** @param chats no more than one question may be about */
  #activity(workspace: string, chats: readonly string[]): Soon<Activity> {
    return this.#recent(this.#activities, `${workspace} ${chats.join(" ")}`, async () => {
      const home = await this.#ask(workspace, chats);
      const here = activityHere(this.#here, workspace, chats);
      if (home === undefined) return here;
      const hasAgent = home.state === "connected";
      if (home.counts === undefined) return { ...here, hasAgent };
      return { hasAgent, counts: new Map(home.counts.map(({ chat, trees }) => [chat, trees])) };
    });
  }

  /** @returns `undefined`: nobody is its home, or can be reached */
  async #ask(workspace: string, chats?: readonly string[]): Promise<HomeState | undefined> {
    try {
      return await this.#wire.who(workspace, { type: "who", ...(chats && { chats: [...chats] }) }, ANSWER_MS);
    } catch (thrown) {
      if (thrown instanceof NobodyListensError || thrown instanceof NoReplyError) return undefined;
      throw thrown;
    }
  }

  #recent<T extends string | object>(cache: LRUCache<string, Known<T>>, name: string, ask: () => Promise<T>): Soon<T> {
    const known = cache.peek(name); // so that they stay in the order of their age
    const now = this.#clock.monotonicMs();
    if (known !== undefined && now - known.atMs < HOLDS_MS) return known.value;
    const asked = ask();
    const asking = { value: asked, atMs: now };
    cache.set(name, asking); // whoever asks meanwhile waits for the same answer
    const keep = (value: T) => {
      if (cache.peek(name) === asking) cache.set(name, { value, atMs: this.#clock.monotonicMs() });
    };
    asked.then(keep, () => cache.delete(name)); // who has asked hears of it
    return asked;
  }
}

function together(parts: readonly Activity[]): Activity {
  return {
    hasAgent: parts.some(({ hasAgent }) => hasAgent),
    counts: new Map(parts.flatMap(({ counts }) => [...counts])),
  };
}

/** @param untilMs what is from then goes, and what is older */
function forget<T extends string | object>(cache: LRUCache<string, Known<T>>, untilMs: number): void {
  for (const name of cache.rkeys()) {
    if ((cache.peek(name)?.atMs ?? 0) > untilMs) return;
    cache.delete(name);
  }
}
