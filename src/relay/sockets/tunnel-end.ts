import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import {
  type AgentMessage,
  agentMessageSchema,
  type CLOSE,
  type RelayMessage,
  TUNNEL_VERSION,
} from "../../protocol/index.js";
import type { Logger } from "../../util/index.js";
import type { Failures } from "../failures.js";
import { type AgentLink, TunnelLimitError, type Workspace } from "../hub/index.js";
import type { LimitOptions } from "../limit-options.js";
import type { Metrics } from "../metrics.js";
import type { Caller } from "../store/index.js";
import { closeSocket } from "./close-socket.js";
import { Heartbeat } from "./heartbeat.js";
import type { LiveSockets, LiveTunnel } from "./live-sockets.js";

/** What an agent is told when the relay cannot do what its message asks for. */
const RELAY_FAILED = "the relay has failed; come back";

/** An agent that sends this many messages that make no sense is closed: it will not get better. */
const MAX_BAD_MESSAGES = 100;

export type AgentToken = Extract<Caller, { kind: "agent" }>;

/** The relay's end of one agent's tunnel: checks what comes in, and hands it to the workspace. */
export class TunnelEnd implements AgentLink, LiveTunnel {
  readonly token: AgentToken;
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  #isCorked = false;
  readonly #workspace: Workspace;
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #live: LiveSockets;
  readonly #failures: Failures;
  readonly #helloTimer: NodeJS.Timeout;
  #attached = false;
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
      live: LiveSockets;
      failures: Failures;
      log: Logger;
      metrics: Metrics;
      limits: Pick<LimitOptions, "helloTimeoutMs" | "pingIntervalMs">;
    },
  ) {
    const { workspace } = options;
    this.#metrics = options.metrics;
    this.token = options.token;
    this.#socket = socket;
    this.#stream = options.stream;
    this.#workspace = workspace;
    this.#live = options.live;
    this.#failures = options.failures;
    this.#log = options.log.child({ workspace: workspace.id, tokenId: options.token.tokenId });
    this.#helloTimer = setTimeout(() => this.close("protocolError", "no hello"), options.limits.helloTimeoutMs);
    this.#helloTimer.unref();
    workspace.agentConnecting();
    this.#live.addTunnel(this);
    socket.on("message", (data, isBinary) => {
      try {
        this.#receive(isBinary ? undefined : String(data));
      } catch (thrown) {
        this.#failures.note(thrown, "a message of the agent could not be handled", this.#log);
        this.close("internalError", RELAY_FAILED);
      }
    });
    socket.on("error", (error) => this.#log.warn({ err: error }, "tunnel failed"));
    new Heartbeat(socket, options.limits.pingIntervalMs, (end) =>
      this.#ended(end === "timeout" ? "timeout" : "disconnected"),
    );
  }

  send(message: RelayMessage): void {
    if (message.type === "resync") this.#metrics.dropped("resync");
    this.#cork();
    this.#socket.send(JSON.stringify(message));
  }

  /** What is sent in one turn (an acknowledgement for each of many trees) goes out in one write. */
  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#stream.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      this.#stream.uncork();
    });
  }

  close(reason: keyof typeof CLOSE, text: string): void {
    this.#closing = true;
    closeSocket(this.#socket, reason, { text });
  }

  #ended(status: "disconnected" | "timeout"): void {
    clearTimeout(this.#helloTimer);
    this.#live.deleteTunnel(this.#workspace.id, this);
    try {
      this.#workspace.detach(this.#attached ? this : undefined, status);
    } catch (thrown) {
      this.#failures.note(thrown, "an agent could not be taken leave of", this.#log);
    }
    this.#log.info({ status }, "agent is gone");
  }

  #receive(text: string | undefined): void {
    if (this.#closing) return;
    const message = parse(text);
    if (message === undefined) {
      this.#complain();
      return;
    }
    if (message.type === "hello") {
      this.#hello(message);
      return;
    }
    if (!this.#attached) {
      this.close("protocolError", "hello comes first");
      return;
    }
    try {
      this.#workspace.receive(this, message);
    } catch (thrown) {
      if (!(thrown instanceof TunnelLimitError)) throw thrown;
      this.#log.warn({ err: thrown }, "tunnel limit");
      this.close("tooLarge", "the update is too large");
    }
  }

  #hello({ protocol, agent }: Extract<AgentMessage, { type: "hello" }>): void {
    if (this.#attached) return;
    clearTimeout(this.#helloTimer);
    if (protocol !== TUNNEL_VERSION) {
      this.#log.warn({ agent, protocol }, "an agent of another protocol version");
      this.close("versionMismatch", `this relay speaks version ${TUNNEL_VERSION}`);
      return;
    }
    // its token counted at the upgrade, which may be a while ago
    if (!this.#live.welcomeTunnel(this.#workspace.id, this)) return;
    this.#attached = true;
    const held = this.#workspace.attach(this);
    this.#log.info({ agent }, "agent is here");
    this.send({ type: "welcome", protocol: TUNNEL_VERSION, workspace: this.#workspace.id, held });
    this.#workspace.resume();
  }

  #complain(): void {
    this.#badMessages += 1;
    this.#metrics.dropped("bad_message");
    if (this.#badMessages === 1) this.#log.warn("the agent sent a message that the protocol does not know");
    if (this.#badMessages >= MAX_BAD_MESSAGES) this.close("protocolError", "too many bad messages");
  }
}

function parse(text: string | undefined): AgentMessage | undefined {
  if (text === undefined) return undefined;
  try {
    return agentMessageSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // no JSON: the caller counts and logs it
  }
}
