import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import {
  type AgentMessage,
  type ArrivedTexts,
  type CLOSE,
  type RelayMessage,
  readAgentFrame,
  TUNNEL_VERSION,
  treeKey,
} from "../../protocol/index.js";
import { systemCode } from "../../util/index.js";
import { BudgetExceededError, TunnelLimitError } from "../budgets/exceeded.js";
import { Inbox } from "../budgets/inbox.js";
import type { ReadBudget } from "../budgets/read-budget.js";
import type { Exchange, Home, Hosted } from "../exchange/index.js";
import type { Failures } from "../failures.js";
import type { AgentLink, Workspace } from "../hub/index.js";
import type { LimitOptions } from "../limit-options.js";
import type { Metrics } from "../metrics.js";
import type { Caller } from "../store/index.js";
import { closeSocket } from "./close-socket.js";
import { Heartbeat } from "./heartbeat.js";
import type { LiveSockets, LiveTunnel } from "./live-sockets.js";
import type { NamedChats } from "./named-chats.js";
import type { Penalties } from "./penalties.js";
import { ReadHold } from "./read-hold.js";
import { type RateBuckets, TunnelRate } from "./tunnel-rate.js";

/** What an agent is told when the relay cannot do what its message asks for. */
const RELAY_FAILED = "the relay has failed; come back";

/** What one is told whose workspace has a newer agent at another relay. */
const REPLACED = "a newer agent has taken this workspace";

/** An agent that sends this many messages that make no sense is closed: it will not get better. */
const MAX_BAD_MESSAGES = 100;
/** One that is longer than this ends it at once. Bytes. */
const LONG_BAD_MESSAGE_BYTES = 64 * 1024;

const OPENING_BRACE = 0x7b;
/** What may stand before a JSON value (RFC 8259, 2). */
const JSON_SPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** An agent that leaves so many bytes of answers unread is not listened to until it has read most of them. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/** The closes that are the agent's own doing: it waits before it may come back. */
const OFFENCES: readonly (keyof typeof CLOSE)[] = ["protocolError", "tooLarge"];

export type AgentToken = Extract<Caller, { kind: "agent" }>;

type Hello = Extract<AgentMessage, { type: "hello" }>;

/** What an agent says behind its hello. */
interface Said {
  readonly message: Exclude<AgentMessage, Hello>;
  readonly texts: ArrivedTexts | undefined;
}

/** The relay's end of one agent's tunnel: checks what comes in, and hands it to the workspace. */
export class TunnelEnd implements AgentLink, Home, LiveTunnel {
  readonly token: AgentToken;
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  #isCorked = false;
  readonly #workspace: Workspace;
  readonly #log: Workspace["log"];
  readonly #penalties: Penalties;
  readonly #hold: ReadHold;
  readonly #rate: TunnelRate;
  readonly #inbox: Inbox;
  /** Bytes that are on their way to the agent. */
  #unread = 0;
  readonly #metrics: Metrics;
  readonly #live: LiveSockets;
  readonly #failures: Failures;
  readonly #helloTimer: NodeJS.Timeout;
  readonly #named: NamedChats;
  readonly #exchange: Pick<Exchange, "host">;
  /** The agent has said hello. */
  #hasSaidHello = false;
  /** It was welcomed. */
  #hosted: Hosted | undefined;
  /** What it has said between the two; nothing more is read then. */
  readonly #early: Said[] = [];
  #isGone = false;
  /** What comes after the close counts for nothing. */
  #closing = false;
  #badMessages = 0;

  /** @param options `stream`: what the socket writes to; `live`: where the tunnel enters itself */
  constructor(
    socket: WebSocket,
    options: {
      stream: Duplex;
      workspace: Workspace;
      token: AgentToken;
      exchange: Pick<Exchange, "host">;
      live: LiveSockets;
      penalties: Penalties;
      failures: Failures;
      buckets: RateBuckets;
      metrics: Metrics;
      named: NamedChats;
      limits: Pick<LimitOptions, "helloTimeoutMs" | "pingIntervalMs">;
    },
  ) {
    const { workspace } = options;
    this.#metrics = options.metrics;
    this.#named = options.named;
    this.token = options.token;
    this.#socket = socket;
    this.#stream = options.stream;
    this.#workspace = workspace;
    this.#exchange = options.exchange;
    this.#live = options.live;
    this.#failures = options.failures;
    this.#log = workspace.log;
    this.#penalties = options.penalties;
    this.#hold = new ReadHold(socket, options.stream);
    this.#rate = new TunnelRate(this.#hold, options.buckets, options.limits.pingIntervalMs / 2);
    this.#helloTimer = setTimeout(() => this.close("protocolError", "no hello"), options.limits.helloTimeoutMs);
    this.#helloTimer.unref();
    workspace.agentConnecting();
    this.#live.addTunnel(this);
    this.#inbox = new Inbox(options.buckets.turn, this.#hold, ({ data, isBinary }) => {
      try {
        this.#receive(data, isBinary);
      } catch (thrown) {
        this.#failures.note(thrown, "a message of the agent could not be handled");
        this.close("internalError", RELAY_FAILED);
      }
    });
    this.#readInTurns(options.buckets.reading);
    socket.on("message", (data, isBinary) => this.#inbox.receive({ data: data as Buffer, isBinary }));
    socket.on("ping", (data) => {
      this.#count(this.#rate.frame(data.length));
      this.#track(data.length, (sent) => socket.pong(data, false, sent));
    });
    socket.on("error", (error) => this.#failed(error));
    new Heartbeat(socket, options.stream, options.limits.pingIntervalMs, (end) => {
      if (this.#closing) this.#inbox.clear();
      // what the agent said last counts, also where it has to wait for its turn
      this.#inbox.end(() => this.#ended(end === "timeout" ? "timeout" : "disconnected"));
    });
  }

  /** Leaves the socket alone when enough of its token's was read in a turn: the pieces of a frame cost time long before it is a message. */
  #readInTurns(budget: ReadBudget): void {
    const reading = { hold: () => this.#hold.hold("read"), release: () => this.#hold.release("read") };
    this.#stream.on("data", (chunk: Buffer) => budget.take(reading, chunk.length));
    this.#stream.once("close", () => budget.forget(reading));
  }

  get link(): AgentLink {
    return this;
  }

  get isOver(): boolean {
    return this.#isGone || this.#closing;
  }

  replaced(): void {
    this.close("replaced", REPLACED);
  }

  send(message: RelayMessage): void {
    if (message.type === "resync") this.#metrics.dropped("resync");
    this.#cork();
    const text = JSON.stringify(message);
    this.#track(text.length, (sent) => this.#socket.send(text, sent));
  }

  /** What an agent does not read would pile up here: then nothing more is read that could want an answer. */
  #track(bytes: number, send: (sent: () => void) => void): void {
    this.#unread += bytes;
    if (this.#unread > MAX_UNREAD_BYTES) this.#hold.hold("unread");
    send(() => {
      this.#unread -= bytes;
      if (this.#unread <= MAX_UNREAD_BYTES / 2) this.#hold.release("unread");
    });
  }

  /** What is sent in one turn of the loop (an acknowledgement for each of many trees) goes out in one write. */
  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#stream.cork();
    setImmediate(() => {
      this.#isCorked = false;
      this.#stream.uncork();
    });
  }

  refuse(error: TunnelLimitError): void {
    const { tokenId } = this.token;
    this.#log.warn(error.reason, { tokenId, err: error }, "tunnel limit");
    if (error instanceof BudgetExceededError) this.#metrics.budgetExceeded(error.budget);
    this.close(error.close, error.reason);
  }

  close(reason: keyof typeof CLOSE, text: string): void {
    if (OFFENCES.includes(reason)) this.#punish();
    this.#closing = true;
    closeSocket(this.#socket, reason, { text });
  }

  #ended(status: "disconnected" | "timeout"): void {
    clearTimeout(this.#helloTimer);
    this.#rate.stop();
    this.#live.deleteTunnel(this.#workspace.id, this);
    try {
      this.#isGone = true;
      this.#workspace.detach(this.#hosted?.local, status);
      this.#hosted?.ended(status);
    } catch (thrown) {
      this.#failures.note(thrown, "an agent could not be taken leave of");
    }
    this.#log.info(status, { tokenId: this.token.tokenId, status }, "agent is gone");
  }

  /** The connection broke, or bytes came that are no frames; `ws` closes it by itself. */
  #failed(error: Error): void {
    const code = systemCode(error) ?? "";
    if (code.startsWith("WS_ERR_")) this.#punish();
    this.#log.warn(code, { tokenId: this.token.tokenId, err: error }, "tunnel failed");
  }

  /** Once for each connection. */
  #punish(): void {
    if (!this.#closing) this.#penalties.punish(this.token.tokenId);
    this.#closing = true;
  }

  #count(isHeld: boolean): void {
    if (isHeld) this.#metrics.dropped("rate_limited");
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#closing) return;
    this.#count(this.#rate.frame(data.length));
    const arrived = isBinary || !mayBeObject(data) ? undefined : readAgentFrame(data);
    if (arrived === undefined) {
      this.#complain(data.length);
      return;
    }
    const { message, texts } = arrived;
    const { held } = this.#workspace;
    this.#count(this.#rate.message(message, data.length, held.trees, this.#filesOf(message)));
    if (message.type === "hello") {
      this.#hello(message);
      return;
    }
    if (!this.#hasSaidHello) this.close("protocolError", "hello comes first");
    else if (this.#hosted === undefined) this.#early.push({ message, texts });
    else this.#take(this.#hosted, { message, texts });
  }

  /** How many files the tree has that a message changes. */
  #filesOf(message: AgentMessage): number {
    if (message.type !== "tree") return 0;
    return this.#workspace.state(treeKey(message.root, message.compare))?.files.length ?? 0;
  }

  #take(hosted: Hosted, { message, texts }: Said): void {
    if (message.type === "named") {
      this.#named.name(message.chat);
      return;
    }
    try {
      this.#workspace.receive(hosted.local, message, texts);
      hosted.said(message);
    } catch (thrown) {
      if (!(thrown instanceof TunnelLimitError)) throw thrown;
      this.refuse(thrown);
    }
  }

  #hello(hello: Hello): void {
    if (this.#hasSaidHello) return;
    clearTimeout(this.#helloTimer);
    const { protocol, agent } = hello;
    if (protocol !== TUNNEL_VERSION) {
      this.#log.warn(String(protocol), { agent, protocol }, "an agent of another protocol version");
      this.close("versionMismatch", `this relay speaks version ${TUNNEL_VERSION}`);
      return;
    }
    // its token counted at the upgrade, which may be a while ago
    const isWelcome = this.#live.welcomeTunnel(this.#workspace.id, this);
    if (isWelcome === false) return;
    this.#hasSaidHello = true;
    const hosted = isWelcome === true ? this.#exchange.host(this.#workspace, this) : this.#hostWhen(isWelcome);
    if (hosted instanceof Promise) void this.#welcomeWhen(hosted, hello);
    else this.#welcome(hosted, hello);
  }

  /** @returns `undefined`: its token has ended meanwhile, or the tunnel has */
  async #hostWhen(asked: Promise<boolean>): Promise<Hosted | undefined> {
    return (await asked) ? this.#exchange.host(this.#workspace, this) : undefined;
  }

  /** Welcomes the agent when the store and other relays were asked; what it says before waits, mostly in its own buffers. */
  async #welcomeWhen(asked: Promise<Hosted | undefined>, hello: Hello): Promise<void> {
    this.#hold.hold("host");
    try {
      const hosted = await asked;
      if (hosted === undefined) return;
      if (this.isOver) {
        hosted.ended("disconnected");
        return;
      }
      this.#welcome(hosted, hello);
      for (const said of this.#early.splice(0)) if (!this.#closing) this.#take(hosted, said);
    } catch (thrown) {
      this.#failures.note(thrown, "an agent could not be welcomed");
      this.close("internalError", RELAY_FAILED);
    } finally {
      this.#hold.release("host");
    }
  }

  #welcome(hosted: Hosted, { agent, secrets, compares }: Hello): void {
    this.#hosted = hosted;
    const { held, partial } = this.#workspace.attach(hosted.local, secrets, compares);
    this.#count(this.#rate.welcome(held.length + partial.length));
    this.#log.info("", { tokenId: this.token.tokenId, agent }, "agent is here");
    const autoBind = this.#named.isWanted ? { auto_bind: true as const } : {};
    this.send({ type: "welcome", protocol: TUNNEL_VERSION, workspace: this.#workspace.id, held, partial, ...autoBind });
    this.#workspace.resume();
    hosted.welcomed({ secrets, compares: compares === true });
  }

  /** @param bytes how long the frame was */
  #complain(bytes: number): void {
    this.#badMessages += 1;
    this.#metrics.dropped("bad_message");
    if (this.#badMessages === 1) {
      this.#log.warn("", { tokenId: this.token.tokenId }, "the agent sent a message that the protocol does not know");
    }
    // a newer agent may say what this relay does not know; nothing that is as long as that, for it holds everybody up
    if (bytes > LONG_BAD_MESSAGE_BYTES) this.close("protocolError", "a long message that makes no sense");
    if (this.#badMessages >= MAX_BAD_MESSAGES) this.close("protocolError", "too many bad messages");
  }
}

/** Every message is an object: what begins otherwise is not decoded. */
function mayBeObject(frame: Buffer): boolean {
  let at = 0;
  while (JSON_SPACE.has(frame[at] ?? 0)) at += 1;
  return frame[at] === OPENING_BRACE;
}
