import type { Socket } from "node:net";
import { WebSocket } from "ws";
import {
  type AgentMessage,
  CLOSE,
  MAX_TUNNEL_FRAME_BYTES,
  PING_INTERVAL_MS,
  type RelayMessage,
  relayMessageSchema,
  type SecretsMode,
  TREE_MESSAGE_PART_BYTES,
  TUNNEL_SUBPROTOCOL,
  TUNNEL_VERSION,
} from "../../protocol/index.js";
import { SendWindow, watchSilence } from "../../util/index.js";
import { type DialSettings, dialWebSocket } from "../../util/link/index.js";
import type { Link } from "../trees/link.js";
import { closeEnd, dialEnd, type End, errorEnd, nonsenseEnd, unreachableEnd } from "./end.js";
import { Streams } from "./streams.js";

/** Milliseconds. */
export const CONNECTION_TIMES = {
  /**
   * From the first packet to the relay's `welcome`, and from then on without a byte of it: it names every tree that the
   * relay holds, and takes a slow link longer.
   */
  handshakeMs: 15_000,
  pingMs: PING_INTERVAL_MS,
  /**
   * A link on which not a byte moves for this long is half open: both ends ping more often than this. Our own pongs alone
   * would not do, since they wait behind a part of an update on a slow link.
   */
  silenceMs: 25_000,
  /** The same when there is reason to doubt the link. */
  probeMs: 5_000,
};
/** Before a control frame's payload, of a server (RFC 6455, 5.2). */
const CONTROL_HEADER_BYTES = 2;
/** Large messages are drawn only while less than this waits in the socket, so that little is packed ahead. Bytes. */
const HIGH_WATER_BYTES = TREE_MESSAGE_PART_BYTES;

export type Welcome = Extract<RelayMessage, { type: "welcome" }>;

export interface ConnectionOptions {
  /** The tunnel's address, `ws:` or `wss:`. */
  url: URL;
  token: string;
  dial?: DialSettings;
  /** Name and version, as the relay's operator will see it. */
  agent: string;
  /** Whether secrets are hidden in what is sent (docs/secrets.md). */
  secrets?: SecretsMode;
  onWelcome: (welcome: Welcome, link: Link) => void;
  onMessage: (message: Exclude<RelayMessage, Welcome>) => void;
  /** Other than {@link CONNECTION_TIMES}, for tests. */
  times?: Partial<typeof CONNECTION_TIMES>;
}

/** One WebSocket to the relay, from its opening to its end. */
export class TunnelConnection implements Link {
  /** Settles when the connection is over; never rejects. */
  readonly ended: Promise<End>;
  readonly #options: ConnectionOptions;
  /** The relay's, as errors name it. */
  readonly #host: string;
  readonly #times: typeof CONNECTION_TIMES;
  readonly #socket: WebSocket;
  readonly #streams = new Streams();
  readonly #sendWindow = new SendWindow(TREE_MESSAGE_PART_BYTES);
  cutsFiles = false;
  #end: (end: End) => void = () => {};
  #welcomed = false;
  #over = false;
  readonly #welcomeTimer: NodeJS.Timeout;
  #pingTimer: NodeJS.Timeout | undefined;
  #stopWatching = () => {};
  #stopAwaiting = () => {};
  #probeTimer: NodeJS.Timeout | undefined;
  #probes = 0;
  /** What pings and pongs of the relay's took on the connection. */
  #controlBytes = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#host = options.url.host;
    this.#times = { ...CONNECTION_TIMES, ...options.times };
    const socket = dialWebSocket(options.url, TUNNEL_SUBPROTOCOL, {
      ...options.dial,
      headers: { ...options.dial?.headers, authorization: `Bearer ${options.token}` },
      limitMs: this.#times.handshakeMs,
      socket: {
        maxPayload: MAX_TUNNEL_FRAME_BYTES,
        perMessageDeflate: { clientNoContextTakeover: true, serverNoContextTakeover: true },
      },
      onFailure: (failure) => this.#end(dialEnd(this.#host, failure)),
    });
    this.#socket = socket;
    this.ended = new Promise((resolve) => {
      this.#end = (end) => {
        this.#over = true;
        this.#stopTimers();
        this.#streams.clear();
        resolve(end);
      };
    });
    this.#welcomeTimer = setTimeout(() => this.#unwelcomed(), this.#times.handshakeMs);
    socket.on("upgrade", ({ socket: stream }) => this.#watch(stream));
    socket.on("ping", (data) => this.#control(data));
    socket.on("open", () => this.#opened());
    socket.on("message", (data, isBinary) => this.#received(String(data), isBinary));
    socket.on("pong", (data) => {
      this.#control(data);
      // what was on its way before the doubt proves nothing
      if (String(data) === `probe ${this.#probes}`) clearTimeout(this.#probeTimer);
      this.#sendWindow.answered(String(data));
      this.#drain();
    });
    socket.on("error", (error) => this.#end(errorEnd(this.#host, error)));
    socket.on("close", (code, reason) => this.#end(closeEnd(this.#host, code, reason.toString())));
  }

  send(message: AgentMessage): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  stream(messages: Iterator<AgentMessage, void>, isShort: boolean): void {
    if (this.#over) return;
    this.#streams.add(messages, isShort);
    this.#drain();
  }

  /**
   * Asks whether the link still lives; one that does not answer is given up, and so is one, at once, that is
   * still being made: its first packets may have gone nowhere.
   */
  probe(): void {
    if (this.#over) return;
    if (this.#socket.readyState === WebSocket.CONNECTING) {
      this.#end(unreachableEnd(this.#host, "begun anew"));
      this.#socket.terminate();
      return;
    }
    clearTimeout(this.#probeTimer);
    // behind a part of an update the probe waits for as long as that takes
    const { probeMs, silenceMs } = this.#times;
    this.#probeTimer = setTimeout(() => this.#giveUp(), this.#sendWindow.isIdle ? probeMs : silenceMs);
    this.#probes += 1;
    this.#socket.ping(`probe ${this.#probes}`);
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Says goodbye; the connection ends when the other side has answered, or after `patienceMs`. */
  close(patienceMs: number): void {
    this.#socket.close(CLOSE.goingAway.code);
    setTimeout(() => this.#socket.terminate(), patienceMs).unref();
  }

  #opened(): void {
    const { secrets } = this.#options;
    this.send({
      type: "hello",
      protocol: TUNNEL_VERSION,
      agent: this.#options.agent,
      ...(secrets !== undefined && { secrets }),
      compares: true,
    });
    this.#pingTimer = setInterval(() => this.#socket.ping(), this.#times.pingMs);
  }

  #watch(stream: Socket): void {
    if (this.#over) return;
    const { silenceMs, handshakeMs } = this.#times;
    this.#stopWatching = watchSilence(stream, () => this.#giveUp(), { silenceMs });
    // pongs come also from a relay that will never say welcome
    const messageBytes = () => stream.bytesRead - this.#controlBytes;
    const messages = {
      get bytesRead() {
        return messageBytes();
      },
      writableLength: 0,
    };
    this.#stopAwaiting = watchSilence(messages, () => this.#unwelcomed(), {
      silenceMs: handshakeMs,
      onMove: () => clearTimeout(this.#welcomeTimer),
    });
  }

  #control(payload: Buffer): void {
    this.#controlBytes += CONTROL_HEADER_BYTES + payload.length;
  }

  #giveUp(): void {
    this.#end(unreachableEnd(this.#host, "nothing arrives, and pings are not answered"));
    this.#socket.terminate();
  }

  #received(text: string, isBinary: boolean): void {
    if (this.#over) return;
    const message = isBinary ? undefined : parseMessage(text);
    if (message === undefined) this.#breakOff("it sends messages that are not the tunnel's");
    else if (message.type === "welcome") this.#receivedWelcome(message);
    else if (this.#welcomed) this.#options.onMessage(message);
    else this.#breakOff(`it sends ${message.type} before welcome`);
  }

  #receivedWelcome(welcome: Welcome): void {
    if (this.#welcomed) {
      this.#breakOff("it sends welcome twice");
    } else if (welcome.protocol !== TUNNEL_VERSION) {
      this.#breakOff(`it speaks tunnel version ${welcome.protocol}, not ${TUNNEL_VERSION}`);
    } else {
      this.#welcomed = true;
      this.cutsFiles = welcome.partial !== undefined;
      clearTimeout(this.#welcomeTimer);
      this.#stopAwaiting();
      this.#options.onWelcome(welcome, this);
    }
  }

  /**
   * Sends from the streams in turn as long as little is under way; goes on when what was sent has left the process, or has
   * arrived.
   */
  #drain(): void {
    const socket = this.#socket;
    while (
      socket.readyState === WebSocket.OPEN &&
      socket.bufferedAmount < HIGH_WATER_BYTES &&
      this.#sendWindow.hasRoom
    ) {
      const message = this.#streams.next();
      if (message === undefined) return;
      const frame = Buffer.from(JSON.stringify(message));
      socket.send(frame, { binary: false }, () => this.#drain());
      const mark = this.#sendWindow.sent(frame.length);
      if (mark !== undefined) socket.ping(mark);
    }
  }

  #unwelcomed(): void {
    this.#breakOff(`it has taken the upgrade, and sends no welcome in ${this.#times.handshakeMs / 1000} s`);
  }

  #breakOff(detail: string): void {
    this.#end(nonsenseEnd(this.#host, detail));
    this.#socket.close(CLOSE.protocolError.code);
    setTimeout(() => this.#socket.terminate(), 1_000).unref();
  }

  #stopTimers(): void {
    clearTimeout(this.#welcomeTimer);
    clearInterval(this.#pingTimer);
    this.#stopWatching();
    this.#stopAwaiting();
    clearTimeout(this.#probeTimer);
  }
}

function parseMessage(text: string): RelayMessage | undefined {
  try {
    return relayMessageSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // not JSON: the caller breaks off, and says so
  }
}
