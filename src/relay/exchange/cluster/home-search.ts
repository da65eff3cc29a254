import type { Clock } from "../../../util/index.js";
import { NobodyListensError, NoReplyError } from "../bus/bus.js";
import type { ToHomeOf } from "../bus/messages.js";
import type { HomeState, Wire } from "../bus/wire.js";

/** How often a home is told that this relay still follows; it forgets whom it has not heard for 30 s. Milliseconds. */
const KEEPALIVE_MS = 10_000;
/** How often a home is looked for where there is none. A new one says so by itself, as a rule. */
const LOOK_MS = 10_000;
/** The same where one is about to come. */
const LOOK_SOON_MS = 400;
/** How long somebody has to say whether there is a home. */
const WHO_MS = 1_000;

/** Looks for a workspace's home, and asks it now and then whether it is there. */
export class HomeSearch {
  readonly #wire: Wire;
  readonly #workspace: string;
  readonly #clock: Clock;
  #isAsking = false;
  #lastAtMs = 0;
  #waitMs = 0;

  constructor(wire: Wire, workspace: string, clock: Clock) {
    this.#wire = wire;
    this.#workspace = workspace;
    this.#clock = clock;
  }

  /** @param nowMs of the monotonic clock @param isSure the home was heard a moment ago */
  isDue(nowMs: number, isSure: boolean): boolean {
    return nowMs >= this.#lastAtMs + (isSure ? KEEPALIVE_MS : this.#waitMs);
  }

  /** There is no home. @param isComing one is about to come */
  wait(isComing: boolean): void {
    this.#set(isComing ? LOOK_SOON_MS : LOOK_MS);
  }

  /** The home has answered. */
  found(): void {
    this.#set(0);
  }

  #set(waitMs: number): void {
    this.#lastAtMs = this.#clock.monotonicMs();
    this.#waitMs = waitMs;
  }

  /** Asks, unless somebody has been asked and may answer. @returns `undefined` then, or when what is answered makes no sense */
  async ask(about: Omit<ToHomeOf<"who">, "type">): Promise<HomeState | "nobody" | "silence" | undefined> {
    if (this.#isAsking) return undefined;
    this.#isAsking = true;
    this.#set(LOOK_SOON_MS);
    try {
      return await this.#wire.who(this.#workspace, { type: "who", ...about }, WHO_MS);
    } catch (thrown) {
      if (thrown instanceof NobodyListensError) return "nobody";
      if (thrown instanceof NoReplyError) return "silence";
      throw thrown;
    } finally {
      this.#isAsking = false;
    }
  }
}
