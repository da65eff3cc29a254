import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { DELTA_SUBPROTOCOL, TUNNEL_PATH, TUNNEL_SUBPROTOCOL } from "../protocol/index.js";
import { type Logger, messageOf } from "../util/index.js";
import { bearer, maskToken } from "./access/credentials.js";
import { type Admission, type Authority, mayWatch } from "./access/index.js";
import type { Limits } from "./access/limits.js";
import { REFUSALS, type Refusal, RefusedError, refuseUpgrade } from "./answers.js";
import type { Hub } from "./hub/index.js";
import type { Metrics } from "./metrics.js";
import type { Proxies } from "./proxies.js";
import { watchedChat } from "./routes.js";
import { closeSocket, PER_MESSAGE_DEFLATE } from "./sockets.js";
import type { Store } from "./store/index.js";
import { TunnelEnd } from "./tunnel-end.js";
import { WatchSession } from "./watch-session.js";

export interface UpgradeOptions {
  store: Store;
  hub: Hub;
  authority: Authority;
  gate: Admission;
  proxies: Proxies;
  limits: Limits;
  metrics: Metrics;
  log: Logger;
}

/** One upgrade request, as Node hands it over. */
interface UpgradeRequest {
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
  url: URL;
}

/** Answers upgrade requests: watch sockets and tunnels, or the refusal that docs/protocol.md words. */
export class Upgrades {
  readonly #sessions = new Set<WatchSession>();
  readonly #tunnels = new Map<string, TunnelEnd>();
  readonly #store: Store;
  readonly #hub: Hub;
  readonly #authority: Authority;
  readonly #gate: Admission;
  readonly #proxies: Proxies;
  readonly #limits: Limits;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  #closing = false;
  readonly #watchServer: WebSocketServer;
  readonly #tunnelServer: WebSocketServer;

  constructor(options: UpgradeOptions) {
    this.#store = options.store;
    this.#hub = options.hub;
    this.#authority = options.authority;
    this.#gate = options.gate;
    this.#proxies = options.proxies;
    this.#limits = options.limits;
    this.#metrics = options.metrics;
    this.#log = options.log;
    const common = { noServer: true, clientTracking: true, perMessageDeflate: PER_MESSAGE_DEFLATE };
    const { clientFrameBytes, agentFrameBytes } = options.limits.options;
    this.#watchServer = new WebSocketServer({
      ...common,
      maxPayload: clientFrameBytes,
      handleProtocols: chooseProtocol,
    });
    this.#tunnelServer = new WebSocketServer({
      ...common,
      maxPayload: agentFrameBytes,
      handleProtocols: (offered) => (offered.has(TUNNEL_SUBPROTOCOL) ? TUNNEL_SUBPROTOCOL : false),
    });
  }

  /** Node's `upgrade` event. Never rejects. */
  async handle(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on("error", () => socket.destroy()); // a client that goes away while it is being answered
    let refusal: Refusal | undefined;
    try {
      const target = request.url ?? "";
      refusal = URL.canParse(target, "http://relay")
        ? await this.#route({ request, socket, head, url: new URL(target, "http://relay") })
        : REFUSALS.badRequest;
    } catch (thrown) {
      if (thrown instanceof RefusedError) refusal = thrown.refusal;
      else {
        this.#log.error({ error: messageOf(thrown) }, "upgrade failed");
        refusal = REFUSALS.internal;
      }
    }
    if (refusal === undefined) return;
    this.#metrics.dropped("refused_upgrade");
    this.#log.info({ url: maskToken(request.url ?? ""), status: refusal.status }, "upgrade refused");
    refuseUpgrade(socket, refusal);
  }

  /** @returns the refusal, when the request is not upgraded */
  async #route(upgrade: UpgradeRequest): Promise<Refusal | undefined> {
    if (this.#closing) return REFUSALS.goingAway;
    if (upgrade.url.pathname === TUNNEL_PATH) return this.#openTunnel(upgrade);
    const watched = watchedChat(upgrade.url.pathname);
    return watched === undefined ? REFUSALS.noSuchRoute : this.#openWatch(upgrade, watched);
  }

  async #openWatch(
    { request, socket, head, url }: UpgradeRequest,
    { chatId, prefix }: { chatId: string; prefix: string },
  ): Promise<Refusal | undefined> {
    const { headers } = request;
    const host = this.#proxies.host(request);
    const calling = { method: "GET", headers, query: url.searchParams, host, isUpgrade: true };
    const address = this.#proxies.address(request); // later, the socket may be gone
    const client = await this.#gate.identify(this.#authority, calling, address);
    if (client.refusal) return client.refusal;
    const takesStale = url.searchParams.get("stale") === "ok";
    const status = (workspace: string) =>
      takesStale && this.#hub.recalls(workspace, chatId) ? "connected" : this.#hub.agentStatus(workspace);
    const answer = await mayWatch(this.#authority, status, client.ok, chatId, prefix);
    if (answer.refusal?.status === 401) await this.#gate.failed(address);
    if (answer.refusal) return answer.refusal;
    if (this.#closing) return REFUSALS.goingAway; // meanwhile
    const closed = this.#limits.openSocket(client.ok.tokenId);
    socket.once("close", closed); // also when the handshake comes to nothing
    this.#watchServer.handleUpgrade(request, socket, head, (webSocket) => {
      const session = new WatchSession(webSocket, {
        hub: this.#hub,
        stream: socket,
        prefix,
        client: client.ok,
        ...answer.ok,
        log: this.#log,
        metrics: this.#metrics,
        isDelta: webSocket.protocol === DELTA_SUBPROTOCOL,
        takesStale,
        limits: this.#limits.options,
        ended: () => this.#sessions.delete(session),
      });
      this.#sessions.add(session);
    });
    return undefined;
  }

  async #openTunnel({ request, socket, head }: UpgradeRequest): Promise<Refusal | undefined> {
    const answer = await this.#gate.admit(this.#proxies.address(request), async () => {
      const caller = this.#store.tokens.verify(bearer(request.headers) ?? "");
      return caller?.kind === "agent" ? { ok: caller, tokenId: caller.tokenId } : { refusal: REFUSALS.signedOut };
    });
    if (answer.refusal) return answer.refusal;
    const caller = answer.ok;
    if (!offeredProtocols(request).includes(TUNNEL_SUBPROTOCOL)) {
      return { status: 400, body: { message: `Sub-protocol ${TUNNEL_SUBPROTOCOL} is required.` } };
    }
    this.#tunnelServer.handleUpgrade(request, socket, head, (webSocket) => {
      const workspace = this.#hub.workspace(caller.workspace);
      new TunnelEnd(webSocket, {
        stream: socket,
        workspace,
        token: caller,
        tunnels: this.#tunnels,
        log: this.#log,
        metrics: this.#metrics,
        limits: this.#limits.options,
      });
    });
    return undefined;
  }

  /** How many sockets are open. */
  counts(): { sockets: number; tunnels: number } {
    return { sockets: this.#sessions.size, tunnels: this.#tunnels.size };
  }

  /** Looks again at who may watch what: the store has changed. */
  async reconcile(): Promise<void> {
    for (const tunnel of this.#tunnels.values()) {
      if (!this.#store.tokens.isLive(tunnel.token.tokenId)) tunnel.close("tokenRevoked", TOKEN_ENDED);
    }
    await Promise.all([...this.#sessions].map((session) => this.#reconcileSession(session)));
  }

  async #reconcileSession(session: WatchSession): Promise<void> {
    const { client, chatId, prefix } = session;
    if (!this.#authority.isLive(client)) {
      session.close("tokenRevoked", TOKEN_ENDED);
      return;
    }
    const answer = await this.#authority.watchable(client, chatId, prefix);
    if (answer.ok) session.rebind(answer.ok.chat, answer.ok.workspace);
    else if (answer.refusal.status >= 500)
      return; // the upstream's trouble: live streams go on
    else if (answer.refusal === REFUSALS.archived) session.end("chat is archived");
    else if (answer.refusal.status === 401) session.close("tokenRevoked", TOKEN_ENDED);
    else session.end(answer.refusal.body.message);
  }

  /** Closes the sockets whose tokens have expired. */
  expire(): void {
    const now = Date.now();
    for (const { token, close } of this.#withTokens()) {
      if (token.expiresAt !== undefined && token.expiresAt.getTime() <= now) close();
    }
  }

  /** The sockets whose tokens expire some day. */
  *#withTokens() {
    for (const session of this.#sessions) {
      if (session.client.expiresAt === undefined) continue;
      yield { token: session.client, close: () => session.close("tokenRevoked", TOKEN_ENDED) };
    }
    for (const tunnel of this.#tunnels.values()) {
      yield { token: tunnel.token, close: () => tunnel.close("tokenRevoked", TOKEN_ENDED) };
    }
  }

  /**
   * Tells every client and agent that the relay goes away, and takes no more.
   *
   * @param graceMs how long they have to answer, before their sockets are cut
   */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    const sockets = [...this.#watchServer.clients, ...this.#tunnelServer.clients];
    const closed = sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve)));
    for (const socket of sockets) closeSocket(socket, "goingAway", { graceMs });
    await Promise.all(closed);
  }
}

const TOKEN_ENDED = "the token was revoked or has expired";

/** Browsers give up on a server that takes none of the protocols that they offer. */
function chooseProtocol(offered: Set<string>): string | false {
  return offered.has(DELTA_SUBPROTOCOL) ? DELTA_SUBPROTOCOL : ([...offered][0] ?? false);
}

function offeredProtocols(request: IncomingMessage): string[] {
  return (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
}
