import { type ErrorCode, type Logger, messageOf, type TokenSource, TreewireError } from "../../util/index.js";
import { type ConnectionOptions, TunnelConnection } from "./connection.js";
import type { Dial } from "./dial.js";
import type { End } from "./end.js";
import { Retry } from "./retry.js";

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
  dial?: () => Dial;
  logger: Logger;
  /** After every connection that had been welcomed. */
  onLost: () => void;
  /** Whenever {@link Tunnel.status} has changed. */
  onStatus?: (status: TunnelStatus) => void;
  /** For tests: how long to wait between tries, and how long a refused token is tried again, in milliseconds. */
  retry?: Pick<Retry, "next">;
  rejectedGraceMs?: number;
}

/** Keeps one connection to the relay, for as long as it runs. */
export class Tunnel {
  readonly #options: TunnelOptions;
  readonly #retry: Pick<Retry, "next">;
  #connection: TunnelConnection | undefined;
  #stopped = false;
  #wake: () => void = () => {};
  /** The token of the connection that is there. */
  #connectedWith: string | undefined;
  /** The relay has said welcome on the present or last connection. */
  #welcomed = false;
  /** The next try is made without delay. */
  #hurry = false;
  /** The failure that was logged last, so that a night without network is one line. */
  #lastFailure = "";
  status: TunnelStatus = { state: "connecting", since: Date.now() };
  #rejectedSince: { token: string; at: number } | undefined;

  constructor(options: TunnelOptions) {
    this.#options = options;
    this.#retry = options.retry ?? new Retry();
  }

  /**
   * Connects, and connects again, until {@link stop}.
   *
   * @throws TreewireError `TW_TOKEN_REJECTED` or `TW_REPLACED`: trying again would be useless
   */
  async run(): Promise<void> {
    while (!this.#stopped) {
      const started = performance.now();
      this.#welcomed = false;
      this.#setStatus({ state: "connecting" });
      const end = await this.#connectOnce();
      if (this.#stopped) return;
      const again = this.#hurry || (end.kind === "rejected" && this.#tokenChanged(end.token));
      this.#hurry = false;
      const lastedMs = performance.now() - started;
      const retryMs = () => this.#retry.next({ lastedMs, welcomed: this.#welcomed });
      const delayMs = again ? 0 : Math.max(retryMs(), retryAfterMs(end));
      this.#report(end, delayMs);
      this.#setStatus({ state: "waiting", nextTryAt: Date.now() + delayMs, problem: describeEnd(end)[1] });
      await this.#pause(delayMs);
    }
  }

  /**
   * The network may be another one than a moment ago: a try that waits is made now, and a connection that does not answer
   * soon is given up.
   */
  nudge(): void {
    this.#wake();
    if (this.#connection?.isOpen === false) this.#hurry = true;
    this.#connection?.probe();
  }

  /** What is read from files may be another: connects anew if the token is, without waiting. */
  reload(): void {
    const token = this.#connectedWith;
    if (token !== undefined && this.#tokenChanged(token)) {
      this.#hurry = true;
      this.#connection?.close(GOODBYE_MS);
    }
    this.nudge();
  }

  /** Says goodbye and ends {@link run}. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake();
    this.#connection?.close(GOODBYE_MS);
    await this.#connection?.ended;
  }

  async #connectOnce(): Promise<PassingEnd> {
    const { url, agent, secrets, onWelcome, onMessage, onLost, logger, times } = this.#options;
    const prepared = this.#prepare();
    if (prepared instanceof TreewireError) return { kind: "failed", error: prepared };
    const { token } = prepared;
    const connection = new TunnelConnection({
      ...prepared,
      url,
      agent,
      ...(secrets !== undefined && { secrets }),
      onMessage,
      ...(times !== undefined && { times }),
      onWelcome: (welcome, link) => {
        this.#welcomed = true;
        this.#lastFailure = "";
        this.#rejectedSince = undefined;
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
    if (this.#welcomed) onLost();
    if (end.kind === "replaced") throw new TreewireError("TW_REPLACED", url.host);
    if (end.kind !== "rejected") return end;
    if (this.#rejectedForGood(token)) throw end.error;
    return { ...end, token };
  }

  /** What an attempt takes is read anew for each: files may have been replaced. */
  #prepare(): { token: string; dial: Dial } | TreewireError {
    try {
      return { token: this.#options.token.read(), dial: this.#options.dial?.() ?? { headers: {} } };
    } catch (error) {
      if (error instanceof TreewireError) return error;
      throw error;
    }
  }

  /** A token that was refused may be about to be replaced; one that stays the same is refused for good. */
  #rejectedForGood(token: string): boolean {
    if (!this.#options.token.canChange) return true;
    const now = performance.now();
    if (this.#rejectedSince?.token !== token) this.#rejectedSince = { token, at: now };
    return now - this.#rejectedSince.at >= (this.#options.rejectedGraceMs ?? REJECTED_GRACE_MS);
  }

  #tokenChanged(refused: string): boolean {
    const prepared = this.#prepare();
    return !(prepared instanceof TreewireError) && prepared.token !== refused;
  }

  #report(end: PassingEnd, delayMs: number): void {
    const { logger } = this.#options;
    const [code, message] = describeEnd(end);
    const level = message === this.#lastFailure ? "debug" : "warn";
    this.#lastFailure = message;
    logger[level]({ code, retryInMs: Math.round(delayMs) }, message);
  }

  #setStatus(status: Omit<TunnelStatus, "since">): void {
    const { problem } = this.status;
    const lasting = problem !== undefined && status.state === "connecting" ? { problem } : {};
    this.status = { ...lasting, ...status, since: Date.now() };
    this.#options.onStatus?.(this.status);
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** An end after which another try makes sense. */
type PassingEnd =
  | Extract<End, { kind: "failed" | "closed" }>
  | (Extract<End, { kind: "rejected" }> & { token: string });

/** How long the relay wants the agent to stay away, in milliseconds. */
function retryAfterMs(end: PassingEnd): number {
  return end.kind === "failed" ? (end.retryAfterMs ?? 0) : 0;
}

function describeEnd(end: PassingEnd): [code: ErrorCode | undefined, message: string] {
  if (end.kind === "closed") return [undefined, `the relay closed the connection (${end.reason})`];
  return [end.error.code, messageOf(end.error)];
}
