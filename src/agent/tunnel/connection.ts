import { WebSocket } from "ws";
import {
  type AgentMessage,
  CLOSE,
  MAX_TUNNEL_FRAME_BYTES,
  PING_INTERVAL_MS,
  type RelayMessage,
  relayMessageSchema,
  type SecretsMode,
  TUNNEL_SUBPROTOCOL,
  TUNNEL_VERSION,
} from "../../protocol/index.js";
import type { Link } from "../trees/link.js";
import type { Dial } from "./dial.js";
import { closeEnd, type End, errorEnd, nonsenseEnd, refusalEnd, unreachableEnd } from "./end.js";

/** Milliseconds. */
export const CONNECTION_TIMES = {
  /** From the first packet to the relay's `welcome`. */
  handshakeMs: 15_000,
  pingMs: PING_INTERVAL_MS,
  /**
   * A link on which nothing arrives for this long is half open: both ends ping more often than this. Our own pongs alone
   * would not do, since they wait behind a large update on a slow link.
   */
  silenceMs: 25_000,
  /** The same when there is reason to doubt the link. */
  probeMs: 5_000,
};
/** Large messages are drawn only while less than this waits in the socket, so that pings never wait long. Bytes. */
const HIGH_WATER_BYTES = 64 * 1024;

export type Welcome = Extract<RelayMessage, { type: "welcome" }>;

export interface ConnectionOptions {
  /** The tunnel's address, `ws:` or `wss:`. */
  url: URL;
  token: string;
  dial?: Dial;
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
  readonly #streams: Iterator<AgentMessage, void>[] = [];
  #end: (end: End) => void = () => {};
  #welcomed = false;
  #over = false;
  readonly #welcomeTimer: NodeJS.Timeout;
  #pingTimer: NodeJS.Timeout | undefined;
  #silenceTimer: NodeJS.Timeout | undefined;
  #probeTimer: NodeJS.Timeout | undefined;
  #probes = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#host = options.url.host;
    this.#times = { ...CONNECTION_TIMES, ...options.times };
    const socket = new WebSocket(options.url, TUNNEL_SUBPROTOCOL, {
      ...options.dial,
      headers: { ...options.dial?.headers, authorization: `Bearer ${options.token}` },
      maxPayload: MAX_TUNNEL_FRAME_BYTES,
      perMessageDeflate: { clientNoContextTakeover: true, serverNoContextTakeover: true },
    });
    this.#socket = socket;
    this.ended = new Promise((resolve) => {
      this.#end = (end) => {
        this.#over = true;
        this.#stopTimers();
        this.#streams.length = 0;
        resolve(end);
      };
    });
    this.#welcomeTimer = setTimeout(() => this.#breakOff("no welcome in time"), this.#times.handshakeMs);
    socket.on("open", () => this.#opened());
    socket.on("message", (data, isBinary) => this.#received(String(data), isBinary));
    socket.on("ping", () => this.#heard());
    socket.on("pong", (data) => {
      this.#heard();
      // what was on its way before the doubt proves nothing
      if (String(data) === `probe ${this.#probes}`) clearTimeout(this.#probeTimer);
    });
    socket.on("unexpected-response", (_request, response) => {
      this.#end(refusalEnd(this.#host, response.statusCode ?? 0, response.headers["retry-after"]));
      socket.terminate();
    });
    socket.on("error", (error) => this.#end(errorEnd(this.#host, error)));
    socket.on("close", (code, reason) => this.#end(closeEnd(this.#host, code, reason.toString())));
  }

  send(message: AgentMessage): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  stream(messages: Iterator<AgentMessage, void>): void {
    if (this.#over) return;
    this.#streams.push(messages);
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
    this.#probeTimer = setTimeout(() => this.#giveUp(), this.#times.probeMs);
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
    });
    this.#pingTimer = setInterval(() => this.#socket.ping(), this.#times.pingMs);
    this.#silenceTimer = setTimeout(() => this.#giveUp(), this.#times.silenceMs);
  }

  #heard(): void {
    this.#silenceTimer?.refresh();
  }

  #giveUp(): void {
    this.#end(unreachableEnd(this.#host, "nothing arrives, and pings are not answered"));
    this.#socket.terminate();
  }

  #received(text: string, isBinary: boolean): void {
    if (this.#over) return;
    this.#heard();
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
      clearTimeout(this.#welcomeTimer);
      this.#options.onWelcome(welcome, this);
    }
  }

  /** Sends from the streams in turn while the socket takes it; goes on when what was sent has left the process. */
  #drain(): void {
    const socket = this.#socket;
    while (socket.readyState === WebSocket.OPEN && socket.bufferedAmount < HIGH_WATER_BYTES) {
      const stream = this.#streams.shift();
      if (stream === undefined) return;
      const next = stream.next();
      if (next.done === true) continue;
      this.#streams.push(stream);
      socket.send(JSON.stringify(next.value), () => this.#drain());
    }
  }

  #breakOff(detail: string): void {
    this.#end(nonsenseEnd(this.#host, detail));
    this.#socket.close(CLOSE.protocolError.code);
    setTimeout(() => this.#socket.terminate(), 1_000).unref();
  }

  #stopTimers(): void {
    clearTimeout(this.#welcomeTimer);
    clearInterval(this.#pingTimer);
    clearTimeout(this.#silenceTimer);
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
