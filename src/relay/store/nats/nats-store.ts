import { randomBytes } from "node:crypto";
import type { NatsConnection } from "@nats-io/transport-node";
import { type Clock, type Logger, silentLogger, systemClock } from "../../../util/index.js";
import { DEFAULT_LIMITS, type LimitOptions } from "../../limit-options.js";
import { connectNats, type NatsOptions } from "../../nats-connection.js";
import type { StoreHealth } from "../health.js";
import type { Changes } from "../records.js";
import type { Store } from "../store.js";
import { BlobStream } from "./blobs.js";
import { ChangeFeed } from "./change-feed.js";
import { NatsChatRoots } from "./chats/chat-roots.js";
import { NatsChats } from "./chats/chats.js";
import { requireCluster } from "./cluster.js";
import { NatsChatFiles } from "./files.js";
import { NatsInvites } from "./invites.js";
import { NatsLink } from "./nats-link.js";
import { OUTAGE_GRACE_MS, OutageGrace } from "./outage-grace.js";
import { RecordStream } from "./record-stream.js";
import { NatsTokens } from "./tokens.js";
import { RecordWriter } from "./transaction.js";
import { NatsTransfer } from "./transfer.js";
import { NatsTreeStates } from "./tree-states.js";

/** NATS has another leader after 4 to 8 s: so long, and some more, is tried what it does not answer. Milliseconds. */
const PATIENCE_MS = 10_000;

export interface NatsStoreOptions extends NatsOptions {
  clock?: Clock;
  /** Told of the store's troubles. */
  log?: Logger;
  /** Of what one workspace may keep. */
  limits?: Pick<LimitOptions, "workspaceRows" | "workspaceBytes">;
  /** For how long a token that counted does so while nobody can be asked, in milliseconds. Default: 10 min. */
  graceMs?: number;
  /** For how long what is not answered is tried again, in milliseconds. Default: 10 s. */
  patienceMs?: number;
}

/** A store that relays share at NATS (docs/architecture.md, "Many relays"). To be imported only where that is asked for. */
export class NatsStore implements Store {
  readonly tokens: NatsTokens;
  readonly invites: NatsInvites;
  readonly chats: NatsChats;
  readonly files: NatsChatFiles;
  readonly chatRoots: NatsChatRoots;
  readonly treeStates: NatsTreeStates;
  readonly transfer: NatsTransfer;
  readonly #connection: NatsConnection;
  readonly #link: NatsLink;
  readonly #changes: ChangeFeed;

  /**
   * @throws StoreUnavailableError when JetStream does not answer; TreewireError `TW_NATS_UNREACHABLE`, `TW_NATS_SECRET`,
   *   `TW_TLS_FILES`, `TW_NATS_TOO_OLD`, `TW_NO_CLUSTER`
   */
  static async open(options: NatsStoreOptions): Promise<NatsStore> {
    const { clock = systemClock, log = silentLogger(), patienceMs = PATIENCE_MS, graceMs = OUTAGE_GRACE_MS } = options;
    const id = randomBytes(8).toString("hex");
    const connection = await connectNats(options, { name: `treewire store ${id}`, inbox: `_INBOX_${id}` });
    try {
      const link = await NatsLink.over(connection, { clock, patienceMs, log });
      await requireCluster(link);
      const stream = new RecordStream(link);
      let parts: { tokens: NatsTokens; chats: NatsChats } | undefined;
      const isDown = () => link.health.state.kind !== "ok";
      const grace = new OutageGrace({ clock, graceMs, isDown, recovered: () => changes.doubt() });
      const changes = await ChangeFeed.open(link, stream, {
        clock,
        forget: (token) => parts?.tokens.forget(token),
        forgetChat: (chat) => parts?.chats.forget(chat),
        answered: () => grace.answered(),
      });
      const wrote: ChangeFeed["wrote"] = (written, subjects) => changes.wrote(written, subjects);
      const writer = new RecordWriter(stream, { clock, patienceMs, wrote });
      parts = { tokens: new NatsTokens(stream, writer, grace), chats: new NatsChats(stream, writer, grace) };
      return new NatsStore({ connection, link, stream, changes, writer, ...parts }, { ...options, clock, log });
    } catch (thrown) {
      await connection.close();
      throw thrown;
    }
  }

  private constructor(
    parts: {
      connection: NatsConnection;
      link: NatsLink;
      stream: RecordStream;
      changes: ChangeFeed;
      tokens: NatsTokens;
      chats: NatsChats;
      writer: RecordWriter;
    },
    { clock, log, limits = DEFAULT_LIMITS }: { clock: Clock; log: Logger } & Pick<NatsStoreOptions, "limits">,
  ) {
    const { link, stream, writer } = parts;
    const { workspaceRows: rows, workspaceBytes: bytes } = limits;
    this.#connection = parts.connection;
    this.#link = link;
    this.#changes = parts.changes;
    this.tokens = parts.tokens;
    this.invites = new NatsInvites(writer);
    this.chats = parts.chats;
    const blobs = new BlobStream(link);
    this.files = new NatsChatFiles(stream, writer, blobs);
    this.transfer = new NatsTransfer(stream, writer, blobs);
    this.chatRoots = new NatsChatRoots(link, { clock, log, maxRows: rows });
    this.treeStates = new NatsTreeStates(link, { clock, log, limit: { rows, bytes } });
  }

  get health(): StoreHealth {
    return this.#link.health;
  }

  version(): number {
    return this.#changes.version();
  }

  changes(): Changes | "all" {
    return this.#changes.take();
  }

  check(): Promise<void> {
    return this.#link.check();
  }

  async flush(isOver: () => boolean): Promise<void> {
    await Promise.all([this.chatRoots.flush(isOver), this.treeStates.flush(isOver)]);
  }

  async close(): Promise<void> {
    this.chatRoots.close();
    this.treeStates.close();
    this.#changes.close();
    this.#link.close();
    await this.#connection.close();
  }
}
