import type { Duplex } from "node:stream";
import { WebSocket } from "ws";
import {
  type CLOSE,
  type ComparisonRequest,
  clientMessageSchema,
  comparisonWord,
  type DeltaClientMessage,
  deltaClientMessageSchema,
  parseComparisonRequest,
  type ServerMessage,
  UNKNOWN_MESSAGE_TYPE,
} from "../../protocol/index.js";
import { systemCode } from "../../util/index.js";
import type { BoundChat, Client } from "../access/index.js";
import type { ClientRate } from "../budgets/client-rates.js";
import { Inbox } from "../budgets/inbox.js";
import type { Failures } from "../failures.js";
import { type Binding, DeltaStream, type Frame, GitStream, type Hub, type Viewer } from "../hub/index.js";
import type { LimitOptions } from "../limit-options.js";
import type { Metrics } from "../metrics.js";
import type { RepeatedLog } from "../repeated-log.js";
import { closeSocket } from "./close-socket.js";
import { Heartbeat } from "./heartbeat.js";
import type { LiveWatch } from "./live-sockets.js";
import { Throttle } from "./throttle.js";

/** A client that leaves this many answers unread is not listened to until it has read them. */
const MAX_UNREAD_ANSWERS = 64;

/** The answer to a comparison that is none. */
const INVALID_COMPARISON = "a comparison is head, base, ref:NAME or commit:OID";

type WatchSessionSchema = typeof clientMessageSchema | typeof deltaClientMessageSchema;

export interface WatchSessionOptions {
  hub: Hub;
  /** What the socket writes to. */
  stream: Duplex;
  client: Client;
  /** The prefix of the route by which the client came. */
  prefix: string;
  chat: BoundChat;
  /** The one that the chat is bound to. */
  workspace: string;
  failures: Failures;
  /** For what clients cause. */
  log: RepeatedLog;
  /** What all sockets of the client's token have left to send. */
  rate: ClientRate;
  metrics: Metrics;
  limits: Pick<LimitOptions, "messagesPerSecond" | "pingIntervalMs" | "frameBytes">;
  /** The client speaks `treewire.delta.v1`. */
  isDelta: boolean;
  /** The client accepts old states, marked as such, while the agent is away. */
  acceptsStale: boolean;
  /** With what the client compares the chat's trees. */
  compare: ComparisonRequest;
  /** The client wants the socket closed when the agent goes away, in place of an `error` frame. */
  closesOnAway: boolean;
  /** Called when the socket is closed, by whomever. */
  ended: () => void;
}

/** One open watch socket: whose it is, and the viewer behind it. */
export class WatchSession implements LiveWatch {
  readonly client: Client;
  readonly chatId: string;
  readonly prefix: string;
  readonly #viewer: Viewer;
  /** What the chat is bound to. */
  #bound: Omit<Binding, "compare">;
  #compare: ComparisonRequest;
  readonly #hub: Hub;
  readonly #socket: WebSocket;
  readonly #hasNoExtension: boolean;
  readonly #stream: Duplex;
  readonly #metrics: Metrics;
  readonly #failures: Failures;
  readonly #throttle: Throttle;
  /** The client has a part of a message. */
  #isMidMessage = false;
  /** Of the frame that is under way, which is one at most: when its change was scanned, and what follows when it is written. */
  #scannedAt: number | undefined;
  #done: () => void = () => undefined;
  /** One for all frames. */
  readonly #onWritten = (): void => {
    if (this.#scannedAt !== undefined) this.#metrics.delivered(Date.now() - this.#scannedAt);
    this.#done();
  };
  readonly #schema: WatchSessionSchema;
  #left = false;

  constructor(socket: WebSocket, options: WatchSessionOptions) {
    const { hub, client, chat, log, metrics } = options;
    this.#socket = socket;
    this.#hasNoExtension = socket.extensions === ""; // none is negotiated later
    this.#stream = options.stream;
    this.#hub = hub;
    this.#metrics = metrics;
    this.#failures = options.failures;
    this.#throttle = new Throttle(
      { socket, stream: options.stream },
      options.limits.messagesPerSecond,
      options.rate,
      options.limits.pingIntervalMs / 2,
    );
    this.#schema = options.isDelta ? deltaClientMessageSchema : clientMessageSchema;
    this.client = client;
    this.prefix = options.prefix;
    this.chatId = chat.id;
    this.#bound = { workspace: options.workspace, chat: chat.id, paths: chat.paths, base: chat.base };
    this.#compare = options.compare;
    this.#viewer = hub.watch(this.#binding, {
      outlet: {
        send: (frame, done) => this.#send(frame, done),
        onBlocked: () => metrics.dropped("slow_client"),
        onDrained: () => this.#throttle.release("unread"),
        onFailed: (thrown) => this.#fail(thrown),
        ...(options.closesOnAway && { onAgentAway: (message: string) => this.close("goingAway", message) }),
      },
      stream: options.isDelta ? new DeltaStream() : new GitStream(options.limits.frameBytes),
      acceptsStale: options.acceptsStale,
    });
    const inbox = new Inbox(options.rate.turn, this.#throttle, ({ data, isBinary }) => {
      try {
        this.#receive(data, isBinary);
      } catch (thrown) {
        this.#fail(thrown);
      }
    });
    socket.on("message", (data, isBinary) => inbox.receive({ data: data as Buffer, isBinary }));
    socket.on("error", (error) =>
      log.info(systemCode(error) ?? "", { chat: chat.id, err: error }, "watch socket failed"),
    );
    new Heartbeat(socket, options.stream, options.limits.pingIntervalMs, (end) => {
      if (end === "timeout") metrics.dropped("no_pong");
      inbox.clear();
      options.ended();
      this.#leave({ mayReturn: true });
    });
  }

  /** The chat was bound anew: to other paths, or to another workspace. */
  rebind(chat: BoundChat, workspace: string): void {
    this.#bound = { workspace, chat: chat.id, paths: chat.paths, base: chat.base };
    this.#hub.move(this.#viewer, this.#binding);
  }

  get #binding(): Binding {
    return { ...this.#bound, compare: this.#compare.kind === "head" ? undefined : comparisonWord(this.#compare) };
  }

  /** The client compares with something else from now on. @param word what it said */
  #compareWith(word: string): void {
    const request = parseComparisonRequest(word);
    if (request === undefined) {
      this.#viewer.sendError(INVALID_COMPARISON);
      return;
    }
    this.#compare = request;
    this.#hub.move(this.#viewer, this.#binding);
  }

  /** The chat can no longer be watched. @param error sent in an `error` frame, and as the reason; at most 123 bytes */
  end(error: string): void {
    const message: ServerMessage = { type: "error", message: error };
    // in the middle of a message there is no place for another: then the reason says it
    if (!this.#isMidMessage) this.#socket.send(JSON.stringify(message));
    this.#leave({ mayReturn: false });
    closeSocket(this.#socket, "goingAway", { text: error });
  }

  /** @param text why, in at most 123 bytes */
  close(reason: keyof typeof CLOSE, text: string): void {
    this.#leave({ mayReturn: true });
    closeSocket(this.#socket, reason, { text });
  }

  #fail(thrown: unknown): void {
    this.#failures.note(thrown, "a watch socket failed");
    this.close("internalError", "the relay has failed; come back");
  }

  #send({ kind, data, scannedAt, isLast, isCut }: Frame, done: () => void): void {
    this.#metrics.frame(kind, data.payload.length);
    if (isCut) this.#metrics.cutShort();
    this.#scannedAt = scannedAt;
    this.#done = done;
    // without an extension `ws` holds nothing back, so that a whole frame may go beside it
    const isWhole = isLast && !this.#isMidMessage;
    this.#isMidMessage = !isLast;
    const isPlain = isWhole && this.#hasNoExtension && this.#socket.readyState === WebSocket.OPEN;
    if (isPlain) this.#stream.write(data.wire, this.#onWritten);
    else this.#socket.send(data.payload, { binary: false, fin: isLast }, this.#onWritten);
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#left) return;
    if (this.#throttle.message(data.length)) this.#metrics.dropped("rate_limited");
    const message = isBinary ? undefined : parse(data.toString("utf8"), this.#schema);
    if (message?.type === "refresh") this.#viewer.refresh(message.id);
    else if (message?.type === "resync") this.#viewer.resync(message.root);
    else if (message?.type === "compare") this.#compareWith(message.compare);
    else this.#viewer.sendError(UNKNOWN_MESSAGE_TYPE);
    if (this.#viewer.backlog > MAX_UNREAD_ANSWERS) this.#throttle.hold("unread");
  }

  #leave(options: { mayReturn: boolean }): void {
    this.#left = true;
    this.#hub.leave(this.#viewer, options);
  }
}

function parse(text: string, schema: WatchSessionSchema): DeltaClientMessage | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // no JSON: answered as any unknown message
  }
}
