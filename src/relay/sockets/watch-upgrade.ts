import type { WebSocket, WebSocketServer } from "ws";
import { DELTA_SUBPROTOCOL, HEAD_COMPARISON, parseComparisonRequest } from "../../protocol/index.js";
import type { Logger } from "../../util/index.js";
import { type Authority, mayWatch } from "../access/index.js";
import { REFUSALS, type Refusal } from "../answers.js";
import type { Exchange } from "../exchange/index.js";
import type { Hub } from "../hub/index.js";
import { RepeatedLog } from "../repeated-log.js";
import { PER_MESSAGE_DEFLATE } from "./compression.js";
import { type ClientUpgradeOptions, createSocketServer, type UpgradeRequest } from "./upgrade-request.js";
import { WatchSession } from "./watch-session.js";

export interface WatchUpgradeOptions extends ClientUpgradeOptions {
  hub: Hub;
  exchange: Pick<Exchange, "agentState">;
  authority: Authority;
  log: Logger;
}

/** Opens watch sockets for those who may watch. */
export class WatchUpgrade {
  readonly #options: WatchUpgradeOptions;
  readonly #server: WebSocketServer;
  readonly #log: RepeatedLog;

  constructor(options: WatchUpgradeOptions) {
    this.#options = options;
    this.#log = new RepeatedLog(options.log);
    this.#server = createSocketServer({
      perMessageDeflate: PER_MESSAGE_DEFLATE,
      maxPayload: options.limits.options.clientFrameBytes,
      handleProtocols: chooseProtocol,
    });
  }

  /** The sockets that are open. */
  get sockets(): ReadonlySet<WebSocket> {
    return this.#server.clients;
  }

  /**
   * @param isClosing asked when it is known that the client may watch: the relay may have begun to stop meanwhile
   * @returns the refusal, when the request is not upgraded
   */
  async open(
    { request, socket, head, url }: UpgradeRequest,
    { chatId, prefix }: { chatId: string; prefix: string },
    isClosing: () => boolean,
  ): Promise<Refusal | undefined> {
    const { hub, exchange, authority, admission, proxies, limits, rates, live, failures, metrics } = this.#options;
    const { headers } = request;
    const compare = parseComparisonRequest(url.searchParams.get("compare") ?? HEAD_COMPARISON);
    if (compare === undefined) return REFUSALS.invalidCompare;
    const host = proxies.host(request);
    const calling = { method: "GET", headers, query: url.searchParams, host, isUpgrade: true };
    const address = proxies.address(request); // later, the socket may be gone
    const client = await admission.identify(authority, calling, address);
    if (client.refusal) return client.refusal;
    const acceptsStale = url.searchParams.get("stale") === "ok";
    const agentState = async (workspace: string, chat: string) => {
      if (!acceptsStale || hub.agentState(workspace) === "connected") return exchange.agentState(workspace);
      await hub.prepare(workspace, chat);
      return hub.hasLastState(workspace, chat) ? "connected" : exchange.agentState(workspace);
    };
    let generation = live.generation;
    let answer = await mayWatch(authority, agentState, client.ok, chatId, prefix);
    if (live.generation !== generation) {
      // something has changed while an upstream was asked: what it said may be of before
      generation = live.generation;
      answer = await mayWatch(authority, agentState, client.ok, chatId, prefix);
    }
    if (answer.refusal?.status === 401) await admission.failed(address);
    if (answer.refusal) return answer.refusal;
    await hub.prepare(answer.ok.workspace, answer.ok.chat.id);
    if (!(await authority.isLive(client.ok))) return REFUSALS.signedOut;
    if (isClosing()) return REFUSALS.goingAway;
    if (!limits.openSocket(client.ok.tokenId, socket)) return undefined; // nobody is there to be answered
    const watchable = answer.ok;
    this.#server.handleUpgrade(request, socket, head, (webSocket) =>
      failures.opening(webSocket, () => {
        const session = new WatchSession(webSocket, {
          hub,
          stream: socket,
          prefix,
          client: client.ok,
          ...watchable,
          failures,
          log: this.#log,
          rate: rates.of(client.ok.tokenId),
          metrics,
          isDelta: webSocket.protocol === DELTA_SUBPROTOCOL,
          acceptsStale,
          compare,
          closesOnAway: url.searchParams.get("on_away") === "close",
          limits: limits.options,
          ended: () => live.deleteWatch(session),
        });
        live.addWatch(session);
        // from here on every change reaches it; one may have come between
        void live.lookAgain(session, generation, (thrown) =>
          failures.note(thrown, "a new socket could not be looked at"),
        );
      }),
    );
    return undefined;
  }
}

/** Browsers give up on a server that accepts none of the protocols that they offer. */
function chooseProtocol(offered: Set<string>): string | false {
  return offered.has(DELTA_SUBPROTOCOL) ? DELTA_SUBPROTOCOL : ([...offered][0] ?? false);
}
