import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import proxyAddr from "@fastify/proxy-addr";
import { TreewireError } from "../util/index.js";

/** Which addresses are proxies whose `X-Forwarded-*` headers are believed. */
export class Proxies {
  /** Whether an address is one of them. */
  readonly trusts: (address: string, distance: number) => boolean;

  /**
   * @param addresses IP addresses, CIDR ranges, `loopback`, `linklocal`, `uniquelocal`; none: no header is believed
   * @throws TreewireError `TW_BAD_USAGE`
   */
  constructor(addresses: readonly string[]) {
    try {
      this.trusts = proxyAddr.compile([...addresses]);
    } catch (thrown) {
      const subject = `--trust-proxy ${addresses.join(",")}`;
      throw new TreewireError("TW_BAD_USAGE", subject, { detail: "not an address or a range", cause: thrown });
    }
  }

  /** The address of whoever made a request. */
  address(request: IncomingMessage): string {
    return proxyAddr(request, this.trusts);
  }

  /** The addresses on a request's way that are believed: the caller's, then each proxy's. */
  chain(request: IncomingMessage): string[] {
    return proxyAddr.all(request, this.trusts).reverse();
  }

  /** Whether whoever is at the other end of the connection is a proxy that is believed. */
  trustsPeer(request: IncomingMessage): boolean {
    return this.trusts(request.socket.remoteAddress ?? "", 0);
  }

  /** The host that a request was made to. */
  host(request: IncomingMessage): string {
    return this.#forwarded(request, "x-forwarded-host") ?? request.headers.host ?? "";
  }

  /** By which protocol a request was made: `https` or `http`. */
  protocol(request: IncomingMessage): "https" | "http" {
    const said = this.#forwarded(request, "x-forwarded-proto")?.toLowerCase();
    if (said === "https" || said === "http") return said;
    return request.socket instanceof TLSSocket ? "https" : "http";
  }

  /** What the nearest proxy says in a header, if it is believed. */
  #forwarded(request: IncomingMessage, name: string): string | undefined {
    const value = request.headers[name];
    return typeof value === "string" && this.trustsPeer(request) ? value.split(",").at(-1)?.trim() : undefined;
  }
}
