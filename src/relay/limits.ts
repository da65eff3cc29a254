import { createHash } from "node:crypto";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { REFUSALS, RefusedError } from "./answers.js";

/** What callers may use up. Every one is an option of `relay serve`; docs/operating.md lists them. */
export interface LimitOptions {
  /** HTTP requests and upgrades of one address in a minute. */
  requestsPerAddress: number;
  /** HTTP requests and upgrades with one token in a minute. */
  requestsPerToken: number;
  /** Requests and upgrades of one address in a minute that bring no token that counts. */
  failuresPerAddress: number;
  /** Open watch sockets of one token. */
  socketsPerToken: number;
  /** Messages that one watch socket may send in a second; what is over it waits in the client's own buffers. */
  messagesPerSecond: number;
  /** Open TCP connections, of everybody. */
  connections: number;
  /** How long a request's headers may take, in milliseconds. */
  headersTimeoutMs: number;
  /** How long a request with its body may take, in milliseconds. */
  requestTimeoutMs: number;
  /** How long a connection without a request is kept, in milliseconds. */
  idleTimeoutMs: number;
  /** Bytes of a request's headers. */
  headerBytes: number;
  /** Bytes of a request's body, files aside. */
  bodyBytes: number;
}

export const DEFAULT_LIMITS: LimitOptions = {
  requestsPerAddress: 12_000,
  requestsPerToken: 6_000,
  failuresPerAddress: 300,
  socketsPerToken: 4_000,
  messagesPerSecond: 5_000,
  connections: 20_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 120_000,
  idleTimeoutMs: 30_000,
  headerBytes: 16 * 1024,
  bodyBytes: 64 * 1024,
};

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
