import { type Msg, type NatsConnection, RequestError } from "@nats-io/transport-node";
import { connectNats, type NatsOptions } from "../../nats-connection.js";
import { type Bus, type BusMessage, NobodyListensError, NoReplyError, type Subscription } from "./bus.js";

/** How long the last words may take. */
const FLUSH_MS = 1_000;
/** Where a server does not say what it takes: NATS's own default. */
const DEFAULT_MAX_BYTES = 1024 * 1024;

/** NATS without JetStream: nothing that is said is stored. */
export class NatsBus implements Bus {
  readonly #connection: NatsConnection;
  readonly #back: (() => void)[] = [];
  #isConnected = true;

  /** @param relay its name, by which servers' logs and inboxes have it @throws what the library throws when no server is there */
  static async connect(options: NatsOptions, relay: string): Promise<NatsBus> {
    const connection = await connectNats(options, { name: `treewire ${relay}`, inbox: `_INBOX_${relay}` });
    return new NatsBus(connection);
  }

  private constructor(connection: NatsConnection) {
    this.#connection = connection;
    void this.#watch();
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      if (type === "disconnect") this.#isConnected = false;
      if (type !== "reconnect") continue;
      this.#isConnected = true;
      for (const back of this.#back) back();
    }
  }

  get isConnected(): boolean {
    return this.#isConnected && !this.#connection.isClosed();
  }

  get maxBytes(): number {
    return this.#connection.info?.max_payload ?? DEFAULT_MAX_BYTES;
  }

  publish(subject: string, data: Uint8Array): void {
    if (this.isConnected) this.#connection.publish(subject, data);
  }

  async request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    if (!this.isConnected) throw new NoReplyError("no server is there");
    try {
      return (await this.#connection.request(subject, data, { timeout: timeoutMs })).data;
    } catch (thrown) {
      if (thrown instanceof RequestError && thrown.isNoResponders()) throw new NobodyListensError(subject);
      throw new NoReplyError(subject, { cause: thrown });
    }
  }

  subscribe(subject: string, heard: (message: BusMessage) => void): Subscription {
    const callback = (error: Error | null, message: Msg): void => {
      if (error !== null) return; // the server does not allow it: nothing is heard
      heard({ subject: message.subject, data: message.data, reply: (data) => message.respond(data) });
    };
    const subscription = this.#connection.subscribe(subject, { callback });
    return { stop: () => subscription.unsubscribe() };
  }

  onReconnected(back: () => void): void {
    this.#back.push(back);
  }

  async close(): Promise<void> {
    if (this.isConnected) {
      const flushed = this.#connection.flush().catch(() => undefined); // it is closed all the same
      await Promise.race([flushed, new Promise((resolve) => setTimeout(resolve, FLUSH_MS).unref())]);
    }
    await this.#connection.close();
  }
}
