import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { MAX_CLIENT_FRAME_BYTES, MAX_TUNNEL_FRAME_BYTES, TUNNEL_PATH, TUNNEL_SUBPROTOCOL } from "../protocol/index.js";
import { type Logger, messageOf } from "../util/index.js";
import type { Access } from "./access.js";
import { REFUSALS, type Refusal, refuseUpgrade } from "./answers.js";
import { bearer } from "./credentials.js";
import type { Hub } from "./hub/index.js";
import { watchedChat } from "./routes.js";
import { closeSocket, PER_MESSAGE_DEFLATE } from "./sockets.js";
import type { Store } from "./store/index.js";
import { TunnelEnd } from "./tunnel-end.js";
import { WatchSession } from "./watch-session.js";

/** Answers upgrade requests: watch sockets and tunnels, or the refusal that the wire contract words. */
export class Upgrades {
  readonly sessions = new Set<WatchSession>();
  readonly #tunnels = new Map<string, TunnelEnd>();
  readonly #store: Store;
  readonly #hub: Hub;
  readonly #access: Access;
  readonly #log: Logger;
  #closing = false;
  readonly #watchServer = new WebSocketServer({
    noServer: true,
    clientTracking: true,
    perMessageDeflate: PER_MESSAGE_DEFLATE,
    maxPayload: MAX_CLIENT_FRAME_BYTES,
  });
  readonly #tunnelServer = new WebSocketServer({
    noServer: true,
    clientTracking: true,
    perMessageDeflate: PER_MESSAGE_DEFLATE,
    maxPayload: MAX_TUNNEL_FRAME_BYTES,
    handleProtocols: (offered) => (offered.has(TUNNEL_SUBPROTOCOL) ? TUNNEL_SUBPROTOCOL : false),
  });

  constructor(options: { store: Store; hub: Hub; access: Access; log: Logger }) {
    this.#store = options.store;
    this.#hub = options.hub;
    this.#access = options.access;
    this.#log = options.log;
  }

  /** Node's `upgrade` event. Never throws. */
  handle(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy()); // a client that goes away while it is being answered
    try {
      const refusal = this.#route(request, socket, head);
      if (refusal !== undefined) refuseUpgrade(socket, refusal);
    } catch (thrown) {
      this.#log.error({ error: messageOf(thrown) }, "upgrade failed");
      refuseUpgrade(socket, { status: 500, body: { message: "Internal error." } });
    }
  }

  /** @returns the refusal, when the request is not upgraded */
  #route(request: IncomingMessage, socket: Duplex, head: Buffer): Refusal | undefined {
    const target = request.url ?? "";
    if (!URL.canParse(target, "http://relay")) return REFUSALS.badRequest;
    const url = new URL(target, "http://relay");
    if (this.#closing) return REFUSALS.goingAway;
    if (url.pathname === TUNNEL_PATH) return this.#openTunnel(request, socket, head);
    const chatId = watchedChat(url.pathname);
    return chatId === undefined ? REFUSALS.noSuchRoute : this.#openWatch(chatId, url, request, socket, head);
  }

  #openWatch(chatId: string, url: URL, request: IncomingMessage, socket: Duplex, head: Buffer): Refusal | undefined {
    const caller = this.#access.authenticate(request.headers, url.searchParams, true);
    if (caller.refusal) return caller.refusal;
    const watchable = this.#access.watch(caller.ok, chatId);
    if (watchable.refusal) return watchable.refusal;
    this.#watchServer.handleUpgrade(request, socket, head, (webSocket) => {
      const session = new WatchSession(webSocket, {
        hub: this.#hub,
        client: caller.ok,
        ...watchable.ok,
        log: this.#log,
        ended: () => this.sessions.delete(session),
      });
      this.sessions.add(session);
    });
    return undefined;
  }

  #openTunnel(request: IncomingMessage, socket: Duplex, head: Buffer): Refusal | undefined {
    const caller = this.#store.tokens.verify(bearer(request.headers) ?? "");
    if (caller?.kind !== "agent") return REFUSALS.signedOut;
    if (!offeredProtocols(request).includes(TUNNEL_SUBPROTOCOL)) {
      const message = `Sub-protocol ${TUNNEL_SUBPROTOCOL} is required.`;
      return { status: 400, body: { message } };
    }
    this.#tunnelServer.handleUpgrade(request, socket, head, (webSocket) => {
      new TunnelEnd(webSocket, this.#hub.workspace(caller.workspace), this.#tunnels, this.#log);
    });
    return undefined;
  }

  /** Looks again at who may watch what: a command has written to the store. */
  reconcile(): void {
    for (const session of this.sessions) {
      if (!this.#store.tokens.isLive(session.client.tokenId)) {
        session.close("tokenRevoked", "the token was revoked or has expired");
        continue;
      }
      const chat = this.#access.chat(session.client, session.chatId);
      const watchable = chat.refusal ? chat : this.#access.workspaceOf(session.client, chat.ok);
      if (watchable.refusal === REFUSALS.archived) session.close("goingAway", "chat is archived");
      else if (watchable.refusal) session.close("goingAway", watchable.refusal.body.message);
      else session.rebind(watchable.ok.chat, watchable.ok.workspace);
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

function offeredProtocols(request: IncomingMessage): string[] {
  return (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
}
