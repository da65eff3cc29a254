import type { IncomingMessage } from "node:http";
import { LRUCache } from "lru-cache";
import type { WebSocket, WebSocketServer } from "ws";
import { TUNNEL_SUBPROTOCOL } from "../../protocol/index.js";
import { bearer } from "../access/credentials.js";
import type { Admission } from "../access/index.js";
import { KeyedCount } from "../access/keyed-count.js";
import type { Limits } from "../access/limits.js";
import { REFUSALS, type Refusal } from "../answers.js";
import type { Exchange } from "../exchange/index.js";
import type { Failures } from "../failures.js";
import type { Hub } from "../hub/index.js";
import type { Metrics } from "../metrics.js";
import type { Proxies } from "../proxies.js";
import type { Store } from "../store/index.js";
import { PER_MESSAGE_DEFLATE } from "./compression.js";
import type { LiveSockets } from "./live-sockets.js";
import { NamedChats } from "./named-chats.js";
import { Penalties } from "./penalties.js";
import { TunnelEnd } from "./tunnel-end.js";
import { RateBuckets } from "./tunnel-rate.js";
import { createSocketServer, type UpgradeRequest } from "./upgrade-request.js";

/** Tokens whose rates are remembered; far more than a relay has agents. */
const MAX_TOKENS = 10_000;

/** Open sockets of one token: the tunnel, the one that takes its place, and some that are about to end. */
const MAX_SOCKETS = 6;

export interface TunnelUpgradeOptions {
  store: Pick<Store, "tokens" | "chats">;
  /** Called when an agent has made a chat: others are told of it. */
  changed: () => void;
  hub: Hub;
  exchange: Pick<Exchange, "host">;
  admission: Admission;
  proxies: Proxies;
  limits: Limits;
  live: LiveSockets;
  failures: Failures;
  metrics: Metrics;
}

/** Opens tunnels for agents. */
export class TunnelUpgrade {
  readonly #options: TunnelUpgradeOptions;
  readonly #server: WebSocketServer;
  readonly #penalties = new Penalties();
  readonly #buckets = new LRUCache<string, RateBuckets>({ max: MAX_TOKENS });
  /** Open sockets, by token. Each may hold a frame that has not come to its end. */
  readonly #open = new KeyedCount();

  constructor(options: TunnelUpgradeOptions) {
    this.#options = options;
    this.#server = createSocketServer({
      autoPong: false, // the tunnel's end answers, and counts
      perMessageDeflate: PER_MESSAGE_DEFLATE,
      maxPayload: options.limits.options.agentFrameBytes,
      handleProtocols: (offered) => (offered.has(TUNNEL_SUBPROTOCOL) ? TUNNEL_SUBPROTOCOL : false),
    });
  }

  /** The sockets that are open, those whose agents have not said hello among them. */
  get sockets(): ReadonlySet<WebSocket> {
    return this.#server.clients;
  }

  /**
   * @param isClosing asked when it is known whose the token is: the relay may have begun to stop meanwhile
   * @returns the refusal, when the request is not upgraded
   */
  async open({ request, socket, head }: UpgradeRequest, isClosing: () => boolean): Promise<Refusal | undefined> {
    const { store, changed, hub, exchange, admission, proxies, limits, live, failures, metrics } = this.#options;
    const answer = await admission.admit(proxies.address(request), async () => {
      const caller = await store.tokens.verify(bearer(request.headers) ?? "");
      return caller?.kind === "agent" ? { ok: caller, tokenId: caller.tokenId } : { refusal: REFUSALS.signedOut };
    });
    if (answer.refusal) return answer.refusal;
    const token = answer.ok;
    const { tokenId } = token;
    const buckets = this.#bucketsOf(tokenId);
    const waitMs = Math.max(this.#penalties.waitMs(tokenId), buckets.waitMs());
    if (waitMs > 0) {
      return { ...REFUSALS.tooManyRequests, headers: { "Retry-After": String(Math.ceil(waitMs / 1000)) } };
    }
    if (!offeredProtocols(request).includes(TUNNEL_SUBPROTOCOL)) {
      return { status: 400, body: { message: `Sub-protocol ${TUNNEL_SUBPROTOCOL} is required.` } };
    }
    await hub.prepare(token.workspace);
    if (isClosing()) return REFUSALS.goingAway;
    if (socket.destroyed) return undefined; // its `close` may have been, and would never end the count
    if (this.#open.count(tokenId) >= MAX_SOCKETS)
      return { ...REFUSALS.tooManySockets, headers: { "Retry-After": "2" } };
    socket.once("close", this.#open.enter(tokenId)); // also when the handshake comes to nothing
    this.#server.handleUpgrade(request, socket, head, (webSocket) =>
      failures.opening(webSocket, () => {
        const workspace = hub.workspace(token.workspace);
        const named = new NamedChats(store, failures, token, changed);
        const common = {
          exchange,
          live,
          failures,
          penalties: this.#penalties,
          buckets,
          metrics,
          limits: limits.options,
        };
        new TunnelEnd(webSocket, { stream: socket, workspace, token, named, ...common });
      }),
    );
    return undefined;
  }

  #bucketsOf(tokenId: string): RateBuckets {
    let buckets = this.#buckets.get(tokenId);
    if (buckets === undefined) {
      buckets = new RateBuckets(this.#options.limits.options);
      this.#buckets.set(tokenId, buckets);
    }
    return buckets;
  }
}

function offeredProtocols(request: IncomingMessage): string[] {
  return (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
}
