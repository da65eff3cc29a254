import { type Msg, type NatsConnection, RequestError } from "@nats-io/transport-node";
import { type Logger, silentLogger } from "../../../util/index.js";
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
  readonly #log: Logger;
  #isConnected = true;

  /**
   * @param relay its name, by which servers' logs and inboxes have it @param log told when other relays are out of reach
   * @throws TreewireError as {@link connectNats}
   */
  static async connect(options: NatsOptions, relay: string, log: Logger = silentLogger()): Promise<NatsBus> {
    const connection = await connectNats(options, { name: `treewire ${relay}`, inbox: `_INBOX_${relay}` });
    return new NatsBus(connection, log);
  }

  private constructor(connection: NatsConnection, log: Logger) {
    this.#connection = connection;
    this.#log = log;
    void this.#watch();
    void connection.closed().then((reason) => {
      // whoever closes it gives no reason
      if (reason !== undefined)
        log.error({ err: reason }, "the connection to NATS has ended: other relays are out of reach");
    });
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      if (type === "disconnect" && this.#isConnected) {
        this.#isConnected = false;
        this.#log.warn("no NATS server is there: other relays are out of reach");
      }
      if (type !== "reconnect") continue;
      this.#isConnected = true;
      this.#log.info("a NATS server is there again: other relays are in reach");
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
      if (error !== null) {
        // the server does not allow it: nothing is heard
        this.#log.error({ err: error, subject }, "what other relays say is not heard");
        return;
      }
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
