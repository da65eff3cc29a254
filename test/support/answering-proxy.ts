import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Cleanup } from "./temp.js";

/** What proxies and servers say that stand in a relay's place, as bytes, by what that is. */
export const STRANGERS_ANSWERS = {
  "a login page's 401": page("401 Unauthorized", "WWW-Authenticate: Basic realm=x\r\n"),
  "a firewall's 403": page("403 Forbidden"),
  "a 404 of a proxy without its backend": page("404 Not Found"),
  "a 400 in the relay's form": json("400 Bad Request", '{"message":"Chat is archived."}'),
  "a 401 in the relay's form": json("401 Unauthorized", '{"message":"You are signed out."}'),
  "a page": page("200 OK"),
  "a redirect to a portal": page("301 Moved Permanently", "Location: https://portal.example/login?from=1\r\n"),
  "a 502 that says when to come back": page("502 Bad Gateway", "Retry-After: 0\r\n"),
  "another protocol": "SSH-2.0-OpenSSH_9.2\r\n",
  nothing: "",
} as const;

function page(status: string, headers = ""): string {
  const body = "<html><body><h1>Not now</h1></body></html>";
  return `HTTP/1.1 ${status}\r\n${headers}Content-Type: text/html\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
}

function json(status: string, body: string): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
}

/** A proxy in front of a server that lets everything through, or answers by itself. */
export class AnsweringProxy {
  readonly url: string;
  /** What it says to whoever asks; `undefined`: it lets them through. */
  answer: string | undefined;
  /** How often it has answered by itself. */
  answered = 0;
  readonly #sockets: Set<Socket>;

  private constructor(url: string, sockets: Set<Socket>) {
    this.url = url;
    this.#sockets = sockets;
  }

  /** @param target the server's URL, on this machine */
  static async start(t: Cleanup, target: string): Promise<AnsweringProxy> {
    const sockets = new Set<Socket>();
    const server = createServer((near) => {
      sockets.add(near);
      near.on("error", () => near.destroy());
      near.on("close", () => sockets.delete(near));
      const { answer } = proxy;
      if (answer !== undefined) {
        near.once("data", () => {
          proxy.answered += 1;
          near.end(answer);
        });
        return;
      }
      const far = connect(Number(new URL(target).port), "127.0.0.1");
      far.on("error", () => near.destroy());
      far.on("close", () => near.destroy());
      near.on("close", () => far.destroy());
      near.pipe(far).pipe(near);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const proxy = new AnsweringProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets);
    t.teardown(() => {
      proxy.cut();
      server.close();
    });
    return proxy;
  }

  /** Ends every connection that goes through it. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
