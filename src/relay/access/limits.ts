import { createHash } from "node:crypto";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { REFUSALS, RefusedError } from "../answers.js";
import type { LimitOptions } from "../limit-options.js";

const WINDOW_SECONDS = 60;

/** Counts what addresses and tokens use up, and refuses what is over the limits with 429. */
export class Limits {
  readonly options: LimitOptions;
  readonly #byAddress: RateLimiterMemory;
  readonly #byToken: RateLimiterMemory;
  readonly #failures: RateLimiterMemory;
  readonly #sockets = new Map<string, number>();

  constructor(options: LimitOptions) {
    this.options = options;
    const limiter = (points: number) => new RateLimiterMemory({ points, duration: WINDOW_SECONDS });
    this.#byAddress = limiter(options.requestsPerAddress);
    this.#byToken = limiter(options.requestsPerToken);
    this.#failures = limiter(options.failuresPerAddress);
  }

  /** A request has come. @throws RefusedError 429 */
  async request(address: string): Promise<void> {
    await consume(this.#byAddress, address);
    const failures = await this.#failures.get(address);
    if (failures !== null && failures.consumedPoints > this.options.failuresPerAddress) throw tooMany(failures);
  }

  /** It brings a token that counts. @throws RefusedError 429 */
  authenticated(tokenId: string): Promise<void> {
    return consume(this.#byToken, tokenId);
  }

  /** It brings none that counts: who guesses is slowed down. */
  async failed(address: string): Promise<void> {
    await this.#failures.penalty(address, 1);
  }

  /** A watch socket opens. @returns what to call when it is closed @throws RefusedError 429 */
  openSocket(tokenId: string): () => void {
    const open = this.#sockets.get(tokenId) ?? 0;
    if (open >= this.options.socketsPerToken) throw new RefusedError(REFUSALS.tooManySockets);
    this.#sockets.set(tokenId, open + 1);
    return () => {
      const left = (this.#sockets.get(tokenId) ?? 1) - 1;
      if (left > 0) this.#sockets.set(tokenId, left);
      else this.#sockets.delete(tokenId);
    };
  }
}

/** A name for a token that says nothing of it: what an upstream's tokens are known by here. */
export function tokenDigest(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

async function consume(limiter: RateLimiterMemory, key: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (thrown) {
    throw thrown instanceof RateLimiterRes ? tooMany(thrown) : thrown;
  }
}

function tooMany({ msBeforeNext }: RateLimiterRes): RefusedError {
  const seconds = Math.max(1, Math.ceil(msBeforeNext / 1000));
  return new RefusedError({ ...REFUSALS.tooManyRequests, headers: { "Retry-After": String(seconds) } });
}
