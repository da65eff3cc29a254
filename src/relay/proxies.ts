import type { IncomingMessage } from "node:http";
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

  /** The host that a request was made to. */
  host(request: IncomingMessage): string {
    const forwarded = request.headers["x-forwarded-host"];
    const isProxied = typeof forwarded === "string" && this.trusts(request.socket.remoteAddress ?? "", 0);
    return (isProxied ? forwarded.split(",").at(-1)?.trim() : undefined) ?? request.headers.host ?? "";
  }
}
