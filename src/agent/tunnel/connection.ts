import { WebSocket } from "ws";
import {
  type AgentMessage,
  CLOSE,
  MAX_TUNNEL_FRAME_BYTES,
  PING_INTERVAL_MS,
  type RelayMessage,
  relayMessageSchema,
  TUNNEL_SUBPROTOCOL,
  TUNNEL_VERSION,
} from "../../protocol/index.js";
import { messageOf, systemCode, TreewireError } from "../../util/index.js";
import type { Link } from "../trees/link.js";
import type { Dial } from "./dial.js";

/** Why a connection is over. */
export type End =
  /** The token is not accepted (any more). */
  | { kind: "rejected"; error: TreewireError }
  /** Another agent has taken the workspace. */
  | { kind: "replaced" }
  /** It never came to be, or broke; worth another try. */
  | { kind: "failed"; error: TreewireError }
  /** One of the two ends closed it in good order; worth another try. */
  | { kind: "closed"; reason: string };

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

/** The codes of OpenSSL and Node.js about a certificate that does not prove who the relay is. */
const UNTRUSTED = /^(CERT_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT_)/;

export type Welcome = Extract<RelayMessage, { type: "welcome" }>;

export interface ConnectionOptions {
  /** The tunnel's address, `ws:` or `wss:`. */
  url: URL;
  token: string;
  dial?: Dial;
  /** Name and version, as the relay's operator will see it. */
  agent: string;
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
      this.#end(this.#refusal(response.statusCode ?? 0));
      socket.terminate();
    });
    socket.on("error", (error) => this.#end({ kind: "failed", error: this.#failure(error) }));
    socket.on("close", (code, reason) => this.#end(this.#closing(code, reason.toString())));
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
      this.#end({ kind: "failed", error: this.#unreachable("begun anew") });
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
    this.send({ type: "hello", protocol: TUNNEL_VERSION, agent: this.#options.agent });
    this.#pingTimer = setInterval(() => this.#socket.ping(), this.#times.pingMs);
    this.#silenceTimer = setTimeout(() => this.#giveUp(), this.#times.silenceMs);
  }

  #heard(): void {
    this.#silenceTimer?.refresh();
  }

  #giveUp(): void {
    this.#end({ kind: "failed", error: this.#unreachable("nothing arrives, and pings are not answered") });
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
    this.#end({ kind: "failed", error: this.#nonsense(detail) });
    this.#socket.close(CLOSE.protocolError.code);
    setTimeout(() => this.#socket.terminate(), 1_000).unref();
  }

  #refusal(status: number): End {
    if (status === 401) return { kind: "rejected", error: this.#rejected("HTTP 401") };
    // a relay that is being deployed, or throttles; anything else is no relay
    const passing = status === 429 || status >= 500;
    const error = passing ? this.#unreachable(`HTTP ${status}`) : this.#nonsense(`HTTP ${status}`);
    return { kind: "failed", error };
  }

  #closing(code: number, reason: string): End {
    const words = reason === "" ? `close code ${code}` : `close code ${code}, ${reason}`;
    if (code === CLOSE.tokenRevoked.code) return { kind: "rejected", error: this.#rejected(words) };
    if (code === CLOSE.replaced.code) return { kind: "replaced" };
    if (code === 1006) return { kind: "failed", error: this.#unreachable("the connection broke") };
    return { kind: "closed", reason: words };
  }

  #failure(error: Error): TreewireError {
    const code = systemCode(error);
    if (code !== undefined && UNTRUSTED.test(code)) {
      return new TreewireError("TW_RELAY_UNTRUSTED", this.#options.url.host, { detail: code, cause: error });
    }
    // ws reports an answer that is no WebSocket handshake, and frames that are none, without a system's error code
    const nonsense = code === undefined ? isNonsense(error.message) : /^(HPE_|WS_ERR_)/.test(code);
    const detail = code !== undefined && !nonsense ? code : messageOf(error);
    return nonsense ? this.#nonsense(detail, error) : this.#unreachable(detail, error);
  }

  #unreachable(detail: string, cause?: unknown): TreewireError {
    return new TreewireError("TW_RELAY_UNREACHABLE", this.#options.url.host, { detail, cause });
  }

  #nonsense(detail: string, cause?: unknown): TreewireError {
    return new TreewireError("TW_RELAY_NONSENSE", this.#options.url.host, { detail, cause });
  }

  #rejected(detail: string): TreewireError {
    return new TreewireError("TW_TOKEN_REJECTED", this.#options.url.host, { detail });
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

function isNonsense(message: string): boolean {
  return /subprotocol|Sec-WebSocket|Upgrade header|Invalid WebSocket/i.test(message);
}
