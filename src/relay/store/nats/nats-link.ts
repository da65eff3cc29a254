import { type JetStreamManager, jetstreamManager, type StreamInfo } from "@nats-io/jetstream";
import { type NatsConnection, PermissionViolationError } from "@nats-io/transport-node";
import { z } from "zod";
import { type Clock, type Logger, silentLogger } from "../../../util/index.js";
import { StoreHealth } from "../health.js";
import { type StoreTrouble, StoreUnavailableError } from "../trouble.js";
import { PROBE_SUBJECT, RECORD_STREAM } from "./streams.js";

/** How long one request waits for its answer, in milliseconds. */
export const REQUEST_MS = 2_000;
/** How long until what was not answered is asked again, in milliseconds. */
const RETRY_MS = 100;
/** Whoever asks whether NATS answers is told what was so lately, in milliseconds: it is asked for everybody at once. */
const LATELY_MS = 2_000;

const NO_SERVER = "no server is there";

/** Of the errors that JetStream gives a number: there is no room in the account, or on the servers. */
const FULL_CODES = [10023, 10028, 10047];
/** A stream could not be written, for a reason that is only in the words. */
const STORE_FAILED = 10077;
const NO_ROOM = /no space|maximum (bytes|messages)/i;

const ackSchema = z.object({ error: z.object({ err_code: z.int(), description: z.string() }).optional() });

/** What JetStream said to a write that it did not take. */
export class RefusedWriteError extends Error {
  readonly code: number;

  constructor({ err_code: code, description }: { err_code: number; description: string }) {
    super(description);
    this.code = code;
  }
}

export interface NatsLinkOptions {
  clock: Clock;
  /** For how long what is not answered is asked again, in milliseconds. */
  patienceMs: number;
  /** Told of the store's troubles. */
  log?: Logger;
}

/** A store's connection to NATS. What is not answered is asked again for as long as NATS may need to find another leader. */
export class NatsLink {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  /** Whether NATS takes writes: it does not when it was asked for the whole patience, and when there is no room. */
  readonly health: StoreHealth;
  readonly #clock: Clock;
  readonly #patienceMs: number;
  readonly #back: (() => void)[] = [];
  /** Monotonic milliseconds: since when no server is there. */
  #awaySince: number | undefined;
  /** Monotonic milliseconds of the last answer. */
  #answeredAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  private constructor(connection: NatsConnection, manager: JetStreamManager, options: NatsLinkOptions) {
    const { clock, patienceMs, log = silentLogger() } = options;
    this.connection = connection;
    this.manager = manager;
    this.#clock = clock;
    this.#patienceMs = patienceMs;
    this.health = new StoreHealth(log, clock, () => this.#probe());
  }

  static async over(connection: NatsConnection, options: NatsLinkOptions): Promise<NatsLink> {
    const manager = await jetstreamManager(connection, { timeout: REQUEST_MS, checkAPI: false });
    const link = new NatsLink(connection, manager, options);
    void link.#watch();
    void connection.closed().then((reason) => {
      // whoever closes it gives no reason
      if (reason !== undefined) link.#unavailable(new Error("the connection to NATS has ended", { cause: reason }));
    });
    return link;
  }

  get isConnected(): boolean {
    return this.#awaySince === undefined && !this.connection.isClosed();
  }

  /** No server has been there for longer than one is waited for. */
  get isAway(): boolean {
    if (this.connection.isClosed()) return true;
    return this.#awaySince !== undefined && this.#clock.monotonicMs() - this.#awaySince >= this.#patienceMs;
  }

  /** Calls back each time that a server is there again. */
  onReconnected(back: () => void): void {
    this.#back.push(back);
  }

  /**
   * Asks until there is an answer; once, while NATS is known not to answer.
   *
   * @param ask called again and again @throws StoreUnavailableError when it takes too long
   */
  async patiently<T>(ask: () => Promise<T>): Promise<T> {
    const end = this.#clock.monotonicMs() + this.#patienceMs;
    for (;;) {
      try {
        return await this.#try(ask);
      } catch (thrown) {
        if (thrown instanceof StoreUnavailableError) throw thrown;
        const isDown = this.connection.isClosed() || this.health.state.kind !== "ok"; // who waits then learns nothing new
        const isOver = isDown || this.#clock.monotonicMs() >= end;
        if (isOver || troubleIn(thrown) !== "failing") throw this.#unavailable(thrown);
      }
      await new Promise<void>((resolve) => void this.#clock.after(RETRY_MS, resolve));
    }
  }

  /** Asks once: no answer says nothing yet about the store's health. @throws StoreUnavailableError */
  async once<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await this.#try(ask);
    } catch (thrown) {
      if (thrown instanceof StoreUnavailableError) throw thrown;
      throw new StoreUnavailableError(troubleIn(thrown), { cause: thrown });
    }
  }

  /** Reads what can be done without, unless that is not answered. Rejects with what else `read` does. */
  async unlessDown(read: () => Promise<void>): Promise<void> {
    if (this.health.state.kind !== "ok" || !this.isConnected) return;
    try {
      await read();
    } catch (thrown) {
      if (!(thrown instanceof StoreUnavailableError)) throw thrown;
    }
  }

  /**
   * Resolves when NATS answers, or has done so lately. Whether it does is asked beside that, so that who looks at the relay again
   * and again neither waits for another leader nor is told of one that is missing for a moment.
   *
   * @throws StoreUnavailableError when it has not answered for as long as it is waited for
   */
  async check(): Promise<void> {
    if (this.isAway) throw this.#unavailable(new Error(NO_SERVER));
    const sinceMs = this.#clock.monotonicMs() - this.#answeredAt;
    if (sinceMs < LATELY_MS) return;
    this.#asking ??= this.patiently(() => this.#askLeader()).then(
      () => this.#hasAsked(),
      () => this.#hasAsked(),
    );
    if (sinceMs < this.#patienceMs) return;
    await this.once(() => this.#askLeader());
  }

  close(): void {
    this.health.close();
  }

  /**
   * What the leader of a stream knows of it. Servers that have no majority tell of a stream without a leader as well.
   *
   * @param subjects a filter: how many messages each subject has, too @throws what the library throws
   */
  async infoOf(stream: string, subjects?: string): Promise<StreamInfo> {
    const info = await this.manager.streams.info(
      stream,
      subjects === undefined ? undefined : { subjects_filter: subjects },
    );
    if (info.cluster !== undefined && !info.cluster.leader) throw new Error("the stream has no leader");
    return info;
  }

  /** Asks what is answered by the leader of the records alone. */
  #askLeader(): Promise<unknown> {
    return this.manager.streams.getMessage(RECORD_STREAM, { last_by_subj: PROBE_SUBJECT });
  }

  #hasAsked(): void {
    this.#asking = undefined;
  }

  async #try<T>(ask: () => Promise<T>): Promise<T> {
    if (!this.isConnected) throw new Error(NO_SERVER); // nor is anything written late, when one is
    const answer = await ask();
    this.#answeredAt = this.#clock.monotonicMs();
    return answer;
  }

  #unavailable(thrown: unknown): StoreUnavailableError {
    const unavailable = new StoreUnavailableError(troubleIn(thrown), { cause: thrown });
    this.health.note(unavailable);
    return unavailable;
  }

  /** Writes what shows that records are taken. */
  async #probe(): Promise<void> {
    await this.once(async () => {
      const answer = await this.connection.request(PROBE_SUBJECT, "null", { timeout: REQUEST_MS });
      const { error } = ackSchema.parse(answer.json());
      if (error !== undefined) throw new RefusedWriteError(error);
    });
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.connection.status()) {
      if (type === "disconnect") this.#awaySince ??= this.#clock.monotonicMs();
      if (type !== "reconnect") continue;
      this.#awaySince = undefined;
      for (const back of this.#back) back();
    }
  }
}

/** Whether the server does not allow what was asked. */
export function isForbidden(thrown: unknown): boolean {
  return [thrown, Object(thrown).cause].some((each) => each instanceof PermissionViolationError);
}

function troubleIn(thrown: unknown): StoreTrouble {
  if (isForbidden(thrown)) return "readonly";
  if (!(thrown instanceof RefusedWriteError)) return "failing";
  const isFull = FULL_CODES.includes(thrown.code) || (thrown.code === STORE_FAILED && NO_ROOM.test(thrown.message));
  return isFull ? "full" : "failing";
}
