import type { RelayMessage } from "../../../protocol/index.js";

/** A refresh that has not been answered is asked for again after so long, and then after ever longer. Milliseconds. */
const REPEAT_MS = 400;
const MAX_REPEAT_MS = 5_000;
/** So many questions at once: the hub asks fewer. The oldest are forgotten. */
const MAX_QUESTIONS = 100;

type Refresh = Extract<RelayMessage, { type: "refresh" }>;

interface Request {
  readonly refresh: Refresh;
  /** Of the monotonic clock. */
  dueAtMs: number;
  waitMs: number;
}

/**
 * What a follower has asked its home. Across relays every request has a number of its own: a workspace that is forgotten and
 * comes again counts its barriers from 1 anew, and must not take the answer of an earlier one.
 */
export class Requests {
  readonly #refreshes = new Map<number, Request>();
  readonly #questions = new Map<number, number>();

  /** @param id its number across relays */
  refresh(id: number, refresh: Refresh): void {
    this.#refreshes.set(id, { refresh, dueAtMs: 0, waitMs: REPEAT_MS });
  }

  /** @param id its number across relays @param question the hub's own number */
  ask(id: number, question: number): void {
    this.#questions.set(id, question);
    const [oldest] = this.#questions.keys();
    if (this.#questions.size > MAX_QUESTIONS && oldest !== undefined) this.#questions.delete(oldest);
  }

  /** The refreshes that are to be sent now, each with its number. @param everything those that were sent just now as well */
  *due(nowMs: number, everything = false): Iterable<[number, Refresh]> {
    for (const [id, request] of this.#refreshes) {
      if (!everything && nowMs < request.dueAtMs) continue;
      request.dueAtMs = nowMs + request.waitMs;
      request.waitMs = Math.min(2 * request.waitMs, MAX_REPEAT_MS);
      yield [id, request.refresh];
    }
  }

  /** Some refreshes have no answer yet. */
  get areRefreshing(): boolean {
    return this.#refreshes.size > 0;
  }

  /** A barrier has passed. @returns the hub's number of the refresh, once */
  passed(id: number): number | undefined {
    const request = this.#refreshes.get(id);
    this.#refreshes.delete(id);
    return request?.refresh.id;
  }

  /** A question is answered. @returns the hub's number of it, once */
  answered(id: number): number | undefined {
    const question = this.#questions.get(id);
    this.#questions.delete(id);
    return question;
  }

  clear(): void {
    this.#refreshes.clear();
    this.#questions.clear();
  }
}
