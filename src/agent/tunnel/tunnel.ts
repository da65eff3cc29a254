import {
  type LinkAttempt,
  type LinkFailure,
  LinkLoop,
  type Logger,
  messageOf,
  type NextTry,
  type RetryDelay,
  type TokenSource,
  TreewireError,
} from "../../util/index.js";
import type { DialSettings } from "../../util/link/index.js";
import { type ConnectionOptions, TunnelConnection } from "./connection.js";
import type { End } from "./end.js";

/** A refused token that may be replaced where it comes from is tried again this long. Milliseconds. */
const REJECTED_GRACE_MS = 5_000;
/** How long the goodbye to the relay may take. Milliseconds. */
const GOODBYE_MS = 500;

/** How the tunnel is. */
export interface TunnelStatus {
  state: "connecting" | "connected" | "waiting";
  /** Milliseconds since 1970. */
  since: number;
  workspace?: string;
  /** Why the last connection failed, until one succeeds. */
  problem?: string;
  /** While waiting: milliseconds since 1970. */
  nextTryAt?: number;
}

export interface TunnelOptions
  extends Pick<ConnectionOptions, "url" | "agent" | "secrets" | "onWelcome" | "onMessage" | "times"> {
  token: TokenSource;
  /** What each attempt takes besides. @throws TreewireError `TW_BAD_CONFIG` */
  dial?: () => DialSettings;
  logger: Logger;
  /** After every connection that had been welcomed. */
  onLost: () => void;
  /** Whenever {@link Tunnel.status} has changed. */
  onStatus?: (status: TunnelStatus) => void;
  /** For tests: how long to wait between tries, and how long a refused token is tried again, in milliseconds. */
  retry?: Pick<RetryDelay, "next">;
  rejectedGraceMs?: number;
}

/** Keeps one connection to the relay, for as long as it runs. */
export class Tunnel {
  readonly #options: TunnelOptions;
  readonly #loop: LinkLoop<TunnelFailure>;
  readonly #stopping = new AbortController();
  #connection: TunnelConnection | undefined;
  /** The token of the connection that is there. */
  #connectedWith: string | undefined;
  /** The token that the relay has refused last. */
  #refusedToken: string | undefined;
  status: TunnelStatus = { state: "connecting", since: Date.now() };

  constructor(options: TunnelOptions) {
    const { retry, token, rejectedGraceMs = REJECTED_GRACE_MS } = options;
    this.#options = options;
    this.#loop = new LinkLoop({
      connect: (attempt) => this.#connectOnce(attempt),
      signal: this.#stopping.signal,
      // a token that was refused may be about to be replaced; one that stays the same is refused for good
      graceMs: ({ end }) => (end.kind === "rejected" && token.canChange ? rejectedGraceMs : 0),
      onFailure: (failure, next) => this.#report(failure, next),
      ...(retry !== undefined && { retryDelay: retry }),
    });
  }

  /**
   * Connects, and connects again, until {@link stop}.
   *
   * @throws TreewireError `TW_TOKEN_REJECTED` or `TW_REPLACED`: trying again would be useless
   */
  async run(): Promise<void> {
    const final = await this.#loop.run();
    if (final !== undefined) throw errorOf(final.end, this.#options.url.host) ?? new Error(final.why);
  }

  /**
   * The network may be another one than a moment ago: a try that waits is made now, and a connection that does not answer
   * soon is given up.
   */
  nudge(): void {
    if (this.#connection?.isOpen === false) this.#loop.hurry();
    else this.#loop.nudge();
    this.#connection?.probe();
  }

  /** What is read from files may be another: connects anew if the token is, without waiting. */
  reload(): void {
    const token = this.#connectedWith;
    if (token !== undefined && this.#tokenChanged(token)) {
      this.#loop.hurry();
      this.#connection?.close(GOODBYE_MS);
    }
    this.nudge();
  }

  /** Says goodbye and ends {@link run}. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#connection?.close(GOODBYE_MS);
    await this.#connection?.ended;
  }

  async #connectOnce(attempt: LinkAttempt): Promise<TunnelFailure> {
    const { url, agent, secrets, onWelcome, onMessage, onLost, logger, times } = this.#options;
    this.#setStatus({ state: "connecting" });
    const prepared = this.#prepare();
    if (prepared instanceof TreewireError) return failureOf({ kind: "failed", error: prepared }, { welcomed: false });
    const { token } = prepared;
    if (token !== this.#refusedToken) attempt.asksAnew();
    let welcomed = false;
    const connection = new TunnelConnection({
      ...prepared,
      url,
      agent,
      ...(secrets !== undefined && { secrets }),
      onMessage,
      ...(times !== undefined && { times }),
      onWelcome: (welcome, link) => {
        welcomed = true;
        attempt.served();
        logger.info({ relay: url.host, workspace: welcome.workspace }, "connected");
        this.#setStatus({ state: "connected", workspace: welcome.workspace });
        onWelcome(welcome, link);
      },
    });
    this.#connection = connection;
    this.#connectedWith = token;
    const end = await connection.ended;
    this.#connection = undefined;
    this.#connectedWith = undefined;
    if (welcomed) onLost();
    const failure = failureOf(end, { welcomed });
    if (end.kind !== "rejected") return failure;
    this.#refusedToken = token;
    if (!this.#tokenChanged(token)) return failure;
    this.#loop.hurry();
    return { ...failure, isFinal: false };
  }

  /** What an attempt takes is read anew for each: files may have been replaced. */
  #prepare(): { token: string; dial: DialSettings } | TreewireError {
    try {
      return { token: this.#options.token.read(), dial: this.#options.dial?.() ?? { headers: {} } };
    } catch (error) {
      if (error instanceof TreewireError) return error;
      throw error;
    }
  }

  #tokenChanged(refused: string): boolean {
    const prepared = this.#prepare();
    return !(prepared instanceof TreewireError) && prepared.token !== refused;
  }

  /** A night without network is one line. */
  #report({ end, why }: TunnelFailure, { delayMs, isNew }: NextTry): void {
    const code = "error" in end ? end.error.code : undefined;
    this.#options.logger[isNew ? "warn" : "debug"]({ code, retryInMs: Math.round(delayMs) }, why);
    this.#setStatus({ state: "waiting", nextTryAt: Date.now() + delayMs, problem: why });
  }

  #setStatus(status: Omit<TunnelStatus, "since">): void {
    const { problem } = this.status;
    const lasting = problem !== undefined && status.state === "connecting" ? { problem } : {};
    this.status = { ...lasting, ...status, since: Date.now() };
    this.#options.onStatus?.(this.status);
  }
}

/** The end of a connection, as the loop takes it. */
interface TunnelFailure extends LinkFailure {
  end: End;
}

function failureOf(end: End, { welcomed }: { welcomed: boolean }): TunnelFailure {
  const isFinal = end.kind === "rejected" || end.kind === "replaced";
  const retryAfter = end.kind === "failed" && end.retryAfterMs !== undefined && { retryAfterMs: end.retryAfterMs };
  return { end, step: welcomed ? "open" : "upgrade", why: describeEnd(end), isFinal, ...retryAfter };
}

function errorOf(end: End, host: string): TreewireError | undefined {
  if (end.kind === "replaced") return new TreewireError("TW_REPLACED", host);
  return "error" in end ? end.error : undefined;
}

function describeEnd(end: End): string {
  if (end.kind === "replaced") return "another agent has taken the workspace";
  if (end.kind === "closed") return `the relay closed the connection (${end.reason})`;
  return messageOf(end.error);
}
