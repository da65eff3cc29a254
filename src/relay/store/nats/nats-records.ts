import { randomBytes } from "node:crypto";
import type { NatsConnection } from "@nats-io/transport-node";
import { type Clock, systemClock } from "../../../util/index.js";
import { connectNats, type NatsOptions } from "../../nats-connection.js";
import type { Changes } from "../records.js";
import type { Store } from "../store.js";
import { BlobStream } from "./blobs.js";
import { ChangeFeed } from "./change-feed.js";
import { NatsChats } from "./chats.js";
import { NatsChatFiles } from "./files.js";
import { NatsInvites } from "./invites.js";
import { NatsLink } from "./nats-link.js";
import { RecordStream } from "./record-stream.js";
import { RECORD_STREAM, requireBatches } from "./streams.js";
import { NatsTokens } from "./tokens.js";
import { RecordWriter } from "./transaction.js";

/** NATS has another leader after 4 to 8 s: so long, and some more, is tried what it does not answer. Milliseconds. */
const PATIENCE_MS = 10_000;

/** The part of a {@link Store} that relays share at NATS so far: tokens, invites, chats, what changes of them, and files. */
export class NatsRecords
  implements Pick<Store, "tokens" | "invites" | "chats" | "files" | "version" | "changes" | "check" | "close">
{
  readonly tokens: NatsTokens;
  readonly invites: NatsInvites;
  readonly chats: NatsChats;
  readonly files: NatsChatFiles;
  readonly #connection: NatsConnection;
  readonly #stream: RecordStream;
  readonly #changes: ChangeFeed;

  /**
   * @param options `patienceMs`: for how long what is not answered is tried again
   * @throws what the library throws when no server is there, StoreUnavailableError when the streams are not, an error when they are
   *   others than `initCluster` makes
   */
  static async open(options: NatsOptions & { clock?: Clock; patienceMs?: number }): Promise<NatsRecords> {
    const { clock = systemClock, patienceMs = PATIENCE_MS } = options;
    const id = randomBytes(8).toString("hex");
    const connection = await connectNats(options, { name: `treewire store ${id}`, inbox: `_INBOX_${id}` });
    try {
      const link = await NatsLink.over(connection, clock, patienceMs);
      requireBatches((await link.patiently(() => link.manager.streams.info(RECORD_STREAM))).config);
      const stream = new RecordStream(link);
      let tokens: NatsTokens | undefined;
      const forget = (token: string | "all"): void => tokens?.forget(token);
      const changes = await ChangeFeed.open(link, stream, { clock, forget });
      const wrote: ChangeFeed["wrote"] = (written, subjects) => changes.wrote(written, subjects);
      const writer = new RecordWriter(stream, { clock, patienceMs, wrote });
      tokens = new NatsTokens(stream, writer);
      return new NatsRecords({ connection, link, stream, changes, tokens, writer });
    } catch (thrown) {
      await connection.close();
      throw thrown;
    }
  }

  private constructor(parts: {
    connection: NatsConnection;
    link: NatsLink;
    stream: RecordStream;
    changes: ChangeFeed;
    tokens: NatsTokens;
    writer: RecordWriter;
  }) {
    this.#connection = parts.connection;
    this.#stream = parts.stream;
    this.#changes = parts.changes;
    this.tokens = parts.tokens;
    this.invites = new NatsInvites(parts.writer);
    this.chats = new NatsChats(parts.stream, parts.writer);
    this.files = new NatsChatFiles(parts.stream, parts.writer, new BlobStream(parts.link));
  }

  version(): number {
    return this.#changes.version();
  }

  changes(): Changes | "all" {
    return this.#changes.take();
  }

  async check(): Promise<void> {
    await this.#stream.lastSequence();
  }

  async close(): Promise<void> {
    this.#changes.close();
    await this.#connection.close();
  }
}
