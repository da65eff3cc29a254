import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import type { Cleanup } from "./temp.js";

/** A proxy in front of a relay for WebSockets alone, which keeps what passes: unpacked, in both directions. */
export class RecordingProxy {
  readonly url: string;
  /** The frames so far. */
  readonly frames: string[];

  private constructor(url: string, frames: string[]) {
    this.url = url;
    this.frames = frames;
  }

  /** @param target the relay's URL */
  static async open(t: Cleanup, target: string): Promise<RecordingProxy> {
    const frames: string[] = [];
    const sockets = new Set<WebSocket>();
    const near = new WebSocketServer({ noServer: true });
    const server = createServer((_request, response) => response.writeHead(404).end());
    server.on("upgrade", (request, socket, head) => {
      const { authorization = "" } = request.headers;
      const protocols = request.headers["sec-websocket-protocol"]?.split(/, */) ?? [];
      const far = new WebSocket(`${target.replace(/^http/, "ws")}${request.url}`, protocols, {
        headers: { authorization },
      });
      sockets.add(far);
      far.on("error", () => socket.destroy());
      far.once("open", () => {
        near.handleUpgrade(request, socket, head, (client) => {
          sockets.add(client);
          for (const [from, to] of [
            [client, far],
            [far, client],
          ] as const) {
            from.on("message", (data) => {
              frames.push(String(data));
              to.send(String(data));
            });
            from.on("close", () => to.terminate());
            from.on("error", () => to.terminate());
          }
        });
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.teardown(() => {
      for (const socket of sockets) socket.terminate();
      server.close();
    });
    return new RecordingProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, frames);
  }
}
