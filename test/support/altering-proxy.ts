import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Cleanup } from "./temp.js";

/** What a proxy makes of the first packet in each direction, which holds the whole of the headers. */
export interface Alterations {
  request?: (head: string) => string;
  answer?: (head: string) => string;
}

/** Takes a header out, as proxies do with those that they do not know. */
export function without(name: string): (head: string) => string {
  return (head) => head.replace(new RegExp(`^${name}:.*\r\n`, "gim"), "");
}

/** What nginx sends on unless it is told otherwise: HTTP/1.0, without `Upgrade`. */
export function inHttp10(head: string): string {
  return without("Upgrade")(head)
    .replace("HTTP/1.1\r\n", "HTTP/1.0\r\n")
    .replace(/^Connection:.*$/im, "Connection: close");
}

/** A proxy in front of a server on this machine that alters the headers of what passes. @returns its URL */
export async function alteringProxy(t: Cleanup, target: string, { request, answer }: Alterations): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(new URL(target).port), "127.0.0.1");
    for (const [from, to, alter] of [
      [near, far, request],
      [far, near, answer],
    ] as const) {
      sockets.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
      from.once("data", (first: Buffer) => {
        to.write(alter === undefined ? first : Buffer.from(alter(first.toString("latin1")), "latin1"));
        from.pipe(to);
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
