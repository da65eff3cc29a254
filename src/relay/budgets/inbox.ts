import type { TurnBudget, WaitingSocket } from "./turn-budget.js";

/** A message as `ws` hands it over. */
interface Arrived {
  data: Buffer;
  isBinary: boolean;
}

/** Whether the socket is read. */
interface Holdable {
  hold(reason: string): void;
  release(reason: string): void;
}

/**
 * The messages of one socket, in order: each is handled as it comes, as long as its party has not had its share of the turn.
 * What one read has brought beyond that waits here, and nothing more is read meanwhile.
 */
export class Inbox implements WaitingSocket {
  readonly #budget: TurnBudget;
  readonly #hold: Holdable;
  readonly #handle: (message: Arrived) => void;
  readonly #waiting: Arrived[] = [];
  #at = 0;
  #onThrough: (() => void) | undefined;

  /** @param budget the party's, for all of its sockets @param handle never throws */
  constructor(budget: TurnBudget, hold: Holdable, handle: (message: Arrived) => void) {
    this.#budget = budget;
    this.#hold = hold;
    this.#handle = handle;
  }

  receive(message: Arrived): void {
    if (this.#waiting.length === 0 && this.#budget.take(message.data.length)) {
      this.#budget.time(() => this.#handle(message));
      return;
    }
    this.#waiting.push(message);
    if (this.#waiting.length > 1) return;
    this.#hold.hold("turn");
    this.#budget.wait(this);
  }

  get nextBytes(): number | undefined {
    return this.#waiting[this.#at]?.data.length;
  }

  /** Nothing of what waits is handled. */
  clear(): void {
    this.#waiting.length = 0;
    this.#at = 0;
  }

  /** The socket is closed, and nothing more comes. @param onThrough called as soon as what has come is handled */
  end(onThrough: () => void): void {
    if (this.nextBytes === undefined) onThrough();
    else this.#onThrough = onThrough;
  }

  next(): void {
    const message = this.#waiting[this.#at];
    this.#at += 1;
    if (this.#at === this.#waiting.length) {
      this.#waiting.length = 0;
      this.#at = 0;
      this.#hold.release("turn");
    }
    if (message !== undefined) this.#budget.time(() => this.#handle(message));
    if (this.nextBytes === undefined) this.#onThrough?.();
  }
}
