import type { Logger } from "../../util/index.js";

/** How long a barrier may take before it is given up, in milliseconds. */
const BARRIER_DEADLINE_MS = 60_000;

interface Barrier {
  resolve: (scannedAt: number) => void;
  reject: (reason: Error) => void;
}

/** The refreshes that an agent was asked for and has not answered. */
export class Barriers {
  readonly #log: Logger;
  readonly #waiting = new Map<number, Barrier>();
  #count = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  /**
   * @param ask called with the number that the agent's answer names
   * @returns when the agent read the chat's trees, in milliseconds since 1970; rejects when it is lost, or does not answer
   */
  add(chat: string, ask: (id: number) => void): Promise<number> {
    this.#count += 1;
    const id = this.#count;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#log.warn({ chat }, "the agent has not answered a refresh");
        this.#waiting.get(id)?.reject(new Error("no answer"));
      }, BARRIER_DEADLINE_MS).unref();
      const settle = () => {
        clearTimeout(timer);
        this.#waiting.delete(id);
      };
      this.#waiting.set(id, {
        resolve: (scannedAt) => {
          settle();
          resolve(scannedAt);
        },
        reject: (reason) => {
          settle();
          reject(reason);
        },
      });
      ask(id);
    });
  }

  /** The agent has answered. @param scannedAt milliseconds since 1970 */
  pass(id: number, scannedAt: number): void {
    this.#waiting.get(id)?.resolve(scannedAt);
  }

  /** The agent is lost. */
  rejectAll(): void {
    for (const barrier of [...this.#waiting.values()]) barrier.reject(new Error("the agent is gone"));
  }
}
