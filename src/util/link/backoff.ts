/** How long to wait between tries, in milliseconds. */
export interface BackoffOptions {
  /** Upper bound of the first delay. */
  firstMs: number;
  /** Upper bound of any delay. */
  capMs: number;
  /** In [0, 1); for tests. */
  random?: () => number;
}

/**
 * Exponential back-off with full jitter: the n-th delay is drawn evenly from 0 to `min(capMs, firstMs * 2^n)`, so that
 * a thousand agents that lost the same relay do not return in the same second. The rule is "full jitter" of
 * <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>.
 */
export class Backoff {
  #tries = 0;
  readonly #options: BackoffOptions;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** How many delays were handed out since the last {@link reset}. */
  get tries(): number {
    return this.#tries;
  }

  /** The next delay in milliseconds. @param lessMs bounds this one as well */
  next(lessMs = Number.POSITIVE_INFINITY): number {
    const { firstMs, capMs, random = Math.random } = this.#options;
    const ceiling = Math.min(capMs, lessMs, firstMs * 2 ** Math.min(this.#tries, 30));
    this.#tries += 1;
    return Math.round(random() * ceiling);
  }

  /** Call when a connection has proved stable. */
  reset(): void {
    this.#tries = 0;
  }
}
