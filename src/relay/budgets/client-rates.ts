import { LRUCache } from "lru-cache";
import { type Clock, systemClock } from "../../util/index.js";
import type { LimitOptions } from "../limit-options.js";
import { ReadBudget } from "./read-budget.js";
import { TokenBucket } from "./token-bucket.js";
import { TurnBudget } from "./turn-budget.js";

/** What a client may send at once, in seconds of its rate: the first questions of all of its sockets, a few images. */
const BURST_SECONDS = 4;
/** Tokens that are remembered; one that is forgotten has its burst again. */
const MAX_TOKENS = 10_000;

/** What everything that one token sends has left to spend: messages of its watch sockets, their bytes, those of its files. */
export class ClientRate {
  /** What its watch sockets may have of a turn of the event loop. */
  readonly turn: TurnBudget;
  /** What is read in a turn of the event loop of bodies that nobody wants. */
  readonly reading = new ReadBudget();
  readonly #messages: TokenBucket;
  readonly #bytes: TokenBucket;

  constructor(
    { clientMessagesPerSecond, clientBytesPerSecond }: RateLimits,
    clock: Pick<Clock, "monotonicMs"> = systemClock,
  ) {
    this.turn = new TurnBudget(clock);
    this.#messages = new TokenBucket(clientMessagesPerSecond, BURST_SECONDS * clientMessagesPerSecond, clock);
    this.#bytes = new TokenBucket(clientBytesPerSecond, BURST_SECONDS * clientBytesPerSecond, clock);
  }

  /** A message of a watch socket has come. @param bytes unpacked @returns for how long to read no more, in milliseconds */
  message(bytes: number): number {
    this.#messages.take(1);
    return Math.max(this.#messages.waitMs(), this.bytes(bytes));
  }

  /** Bytes of a body have come. @returns for how long to read no more, in milliseconds */
  bytes(bytes: number): number {
    this.#bytes.take(bytes);
    return this.#bytes.waitMs();
  }
}

type RateLimits = Pick<LimitOptions, "clientMessagesPerSecond" | "clientBytesPerSecond">;

/** The rate of each token, over all of its sockets and requests. */
export class ClientRates {
  readonly #limits: RateLimits;
  readonly #rates = new LRUCache<string, ClientRate>({ max: MAX_TOKENS });

  constructor(limits: RateLimits) {
    this.#limits = limits;
  }

  of(tokenId: string): ClientRate {
    let rate = this.#rates.get(tokenId);
    if (rate === undefined) {
      rate = new ClientRate(this.#limits);
      this.#rates.set(tokenId, rate);
    }
    return rate;
  }
}
