import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Clock } from "../../../util/index.js";
import { StoreUnavailableError } from "../trouble.js";

/** How long one request waits for its answer, in milliseconds. */
export const REQUEST_MS = 2_000;
/** How long until what was not answered is asked again, in milliseconds. */
const RETRY_MS = 100;

/** A store's connection to NATS. What is not answered is asked again for as long as NATS may need to find another leader. */
export class NatsLink {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly #clock: Clock;
  readonly #patienceMs: number;
  readonly #back: (() => void)[] = [];
  #isConnected = true;

  private constructor(connection: NatsConnection, manager: JetStreamManager, clock: Clock, patienceMs: number) {
    this.connection = connection;
    this.manager = manager;
    this.#clock = clock;
    this.#patienceMs = patienceMs;
  }

  /** @param patienceMs for how long what is not answered is asked again */
  static async over(connection: NatsConnection, clock: Clock, patienceMs: number): Promise<NatsLink> {
    const manager = await jetstreamManager(connection, { timeout: REQUEST_MS, checkAPI: false });
    const link = new NatsLink(connection, manager, clock, patienceMs);
    void link.#watch();
    return link;
  }

  get isConnected(): boolean {
    return this.#isConnected && !this.connection.isClosed();
  }

  /** Calls back each time that a server is there again. */
  onReconnected(back: () => void): void {
    this.#back.push(back);
  }

  /** Asks until there is an answer. @param ask called again and again @throws StoreUnavailableError when it takes too long */
  async patiently<T>(ask: () => Promise<T>): Promise<T> {
    const end = this.#clock.monotonicMs() + this.#patienceMs;
    for (;;) {
      try {
        if (!this.isConnected) throw new Error("no server is there"); // nor is anything written late, when one is
        return await ask();
      } catch (thrown) {
        if (thrown instanceof StoreUnavailableError) throw thrown;
        const isOver = this.connection.isClosed() || this.#clock.monotonicMs() >= end;
        if (isOver) throw new StoreUnavailableError("failing", { cause: thrown });
      }
      await new Promise<void>((resolve) => void this.#clock.after(RETRY_MS, resolve));
    }
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.connection.status()) {
      if (type === "disconnect") this.#isConnected = false;
      if (type !== "reconnect") continue;
      this.#isConnected = true;
      for (const back of this.#back) back();
    }
  }
}
