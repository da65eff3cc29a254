import type { AgentMessage } from "../../protocol/index.js";

type Messages = Iterator<AgentMessage, void>;

/**
 * The streams of messages that wait for their turn on one connection: one message of each in turn, so that the parts of
 * several trees go between each other. Short streams have turns of their own, every other one: an edit waits for one part
 * of the large updates that began before it, and not for one of each.
 */
export class Streams {
  #short: Messages[] = [];
  #long: Messages[] = [];
  #isShortsTurn = true;

  add(messages: Messages, isShort: boolean): void {
    (isShort ? this.#short : this.#long).push(messages);
  }

  clear(): void {
    this.#short = [];
    this.#long = [];
  }

  /** @returns `undefined` when nothing waits */
  next(): AgentMessage | undefined {
    for (;;) {
      const [first, second] = this.#isShortsTurn ? [this.#short, this.#long] : [this.#long, this.#short];
      const queue = first.length > 0 ? first : second;
      const messages = queue.shift();
      if (messages === undefined) return undefined;
      const next = messages.next();
      if (next.done === true) continue;
      queue.push(messages);
      this.#isShortsTurn = queue === this.#long;
      return next.value;
    }
  }
}
