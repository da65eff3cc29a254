import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { Cleanup } from "../../support/temp.js";
import { until } from "../../support/until.js";

/** What is said to an upgrade: it is accepted, refused by hand, or not answered at all. */
type UpgradeAnswer = "accept" | "silence" | ((request: IncomingMessage, socket: Duplex) => void);

/** A server with the chat API, of which a test decides everything: real sockets, and a record of what came. */
export class FakeUpstream {
  readonly url: string;
  /** Every request for an upgrade, as it came. */
  readonly upgrades: IncomingMessage[] = [];
  /** Every other request's target. */
  readonly calls: string[] = [];
  readonly sockets: WebSocket[] = [];
  answer: UpgradeAnswer = "accept";
  readonly #server: Server;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
    const webSockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: { threshold: 0 },
      handleProtocols: (offered) => [...offered][0] ?? false,
    });
    server.on("request", (request, response) => {
      this.calls.push(request.url ?? "");
      response.writeHead(404, { "content-type": "application/json" }).end('{"message":"the upstream has none"}');
    });
    server.on("upgrade", (request, socket, head) => {
      socket.on("error", () => undefined);
      this.upgrades.push(request);
      if (this.answer === "silence") return;
      if (this.answer !== "accept") return this.answer(request, socket);
      webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        webSocket.on("error", () => undefined);
        this.sockets.push(webSocket);
      });
    });
  }

  static async start(t: Cleanup): Promise<FakeUpstream> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const upstream = new FakeUpstream(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    t.teardown(() => upstream.stop());
    return upstream;
  }

  /** The upstream's end of the `count`-th socket that it has accepted. */
  socket(count = 1): Promise<WebSocket> {
    return until(`the upstream accepts socket number ${count}`, () => this.sockets[count - 1]);
  }

  stop(): void {
    for (const socket of this.sockets) socket.terminate();
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
