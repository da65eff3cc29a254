import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { REFUSALS, RefusedError } from "../answers.js";
import type { LimitOptions } from "../limit-options.js";
import { KeyedCount } from "./keyed-count.js";

const WINDOW_SECONDS = 60;

/** Counts what addresses and tokens use up, and refuses what is over the limits with 429. */
export class Limits {
  readonly options: LimitOptions;
  readonly #byAddress: RateLimiterMemory;
  readonly #byToken: RateLimiterMemory;
  readonly #failures: RateLimiterMemory;
  readonly #sockets = new KeyedCount();
  /** Told once of each address from which too many tokens have come that do not count, with how long it is refused: milliseconds. */
  onRefused: (address: string, forMs: number) => void = () => undefined;

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
    if (failures !== null && this.#areTooMany(failures)) throw tooMany(failures);
  }

  #areTooMany({ consumedPoints }: RateLimiterRes): boolean {
    return consumedPoints > this.options.failuresPerAddress;
  }

  /** It brings a token that counts. @throws RefusedError 429 */
  authenticated(tokenId: string): Promise<void> {
    return consume(this.#byToken, tokenId);
  }

  /** It brings none that counts: who guesses is slowed down. */
  async failed(address: string): Promise<void> {
    const { consumedPoints, msBeforeNext } = await this.#failures.penalty(address, 1);
    if (consumedPoints === this.options.failuresPerAddress + 1) this.onRefused(address, msBeforeNext);
  }

  /** Another relay refuses an address, for so many milliseconds: so does this one. */
  async refuse(address: string, forMs: number): Promise<void> {
    const known = await this.#failures.get(address);
    if (known !== null && this.#areTooMany(known) && known.msBeforeNext >= forMs) return;
    await this.#failures.block(address, Math.ceil(forMs / 1000));
  }

  /**
   * A watch socket opens: it counts until it is closed, also when the handshake comes to nothing.
   *
   * @param socket what the client has been waiting on, and may have closed meanwhile
   * @returns whether it is still open
   * @throws RefusedError 429
   */
  openSocket(tokenId: string, socket: Duplex): boolean {
    if (socket.destroyed) return false; // its `close` may have been, and would never end the count
    if (this.#sockets.count(tokenId) >= this.options.socketsPerToken) throw new RefusedError(REFUSALS.tooManySockets);
    socket.once("close", this.#sockets.enter(tokenId));
    return true;
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
  // by the wall clock, which may have been set back meanwhile: the window is over when its timer says so
  const seconds = Math.min(WINDOW_SECONDS, Math.max(1, Math.ceil(msBeforeNext / 1000)));
  return new RefusedError({ ...REFUSALS.tooManyRequests, headers: { "Retry-After": String(seconds) } });
}
