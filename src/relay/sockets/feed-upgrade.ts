import type { WebSocket, WebSocketServer } from "ws";
import type { OwnAuthority } from "../access/index.js";
import { REFUSALS, type Refusal } from "../answers.js";
import type { ChatEvents } from "../chats/index.js";
import { FeedSession } from "./feed-session.js";
import { type ClientUpgradeOptions, createSocketServer, type UpgradeRequest } from "./upgrade-request.js";

export interface FeedUpgradeOptions extends ClientUpgradeOptions {
  events: ChatEvents;
  authority: OwnAuthority;
}

/** Opens sockets for those who want to be told of their chats. */
export class FeedUpgrade {
  readonly #options: FeedUpgradeOptions;
  readonly #server: WebSocketServer;

  constructor(options: FeedUpgradeOptions) {
    this.#options = options;
    this.#server = createSocketServer({ maxPayload: options.limits.options.clientFrameBytes });
  }

  /** The sockets that are open. */
  get sockets(): ReadonlySet<WebSocket> {
    return this.#server.clients;
  }

  /**
   * @param isClosing asked when it is known who the client is: the relay may have begun to stop meanwhile
   * @returns the refusal, when the request is not upgraded
   */
  async open({ request, socket, head, url }: UpgradeRequest, isClosing: () => boolean): Promise<Refusal | undefined> {
    const { events, authority, admission, proxies, limits, rates, live, failures, metrics } = this.#options;
    const { headers } = request;
    const host = proxies.host(request);
    const calling = { method: "GET", headers, query: url.searchParams, host, isUpgrade: true };
    const client = await admission.identify(authority, calling, proxies.address(request));
    if (client.refusal) return client.refusal;
    const { generation } = live;
    const feed = await events.open(client.ok);
    let isTaken = false;
    try {
      if (!(await authority.isLive(client.ok))) return REFUSALS.signedOut;
      if (isClosing()) return REFUSALS.goingAway;
      if (!limits.openSocket(client.ok.tokenId, socket)) return undefined; // nobody is there to be answered
      this.#server.handleUpgrade(request, socket, head, (webSocket) =>
        failures.opening(webSocket, () => {
          const session = new FeedSession(webSocket, {
            feed,
            client: client.ok,
            stream: socket,
            rate: rates.of(client.ok.tokenId),
            limits: limits.options,
            failures,
            metrics,
            ended: () => live.deleteFeed(session),
          });
          isTaken = true;
          live.addFeed(session);
          // from here on every change reaches it; one may have come between
          void live.lookAgain(session, generation, (thrown) =>
            failures.note(thrown, "a new socket could not be looked at"),
          );
        }),
      );
      return undefined;
    } finally {
      if (!isTaken) feed.close();
    }
  }
}
