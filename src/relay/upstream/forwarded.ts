import type { IncomingMessage } from "node:http";
import type { Proxies } from "../proxies.js";

/**
 * The headers, beside `X-Forwarded-*`, by which proxies and their upstreams say who is calling, to which address. As they
 * are after {@link plain}.
 */
const TELL_OF_THE_CALLER = new Set([
  "forwarded",
  "via",
  "x-real-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-remote-ip",
  "x-remote-addr",
  "x-original-forwarded-for",
  "x-original-host",
  "x-original-url",
  "x-rewrite-url",
  "x-host",
  "x-proxyuser-ip",
  "x-envoy-external-address",
  "x-envoy-original-path",
  "x-azure-clientip",
  "x-azure-socketip",
  "x-appengine-user-ip",
  "true-client-ip",
  "client-ip",
  "cf-connecting-ip",
  "cf-connecting-ipv6",
  "cf-pseudo-ipv4",
  "cf-ipcountry",
  "cf-visitor",
  "fastly-client-ip",
  "fly-client-ip",
  "do-connecting-ip",
]);

type Headers = Record<string, string | readonly string[] | undefined>;

/**
 * What puts the relay's own word on who is calling into a request's headers: `X-Forwarded-For`, `-Proto` and `-Host`
 * (docs/operating.md). What a caller who is no trusted proxy says of itself goes; of what a trusted one says everything
 * stays but the addresses that no trusted proxy has seen.
 *
 * @param request as it has just come in: later, its socket may be gone
 */
export function forwarding(proxies: Proxies, request: IncomingMessage): <T extends Headers>(headers: T) => T {
  const isTrusted = proxies.trustsPeer(request);
  const own = {
    "x-forwarded-for": proxies.chain(request).join(", "),
    "x-forwarded-proto": proxies.protocol(request),
    "x-forwarded-host": proxies.host(request),
  };
  const goes = (name: string) => {
    if (Object.hasOwn(own, name)) return true;
    return !isTrusted && (name.startsWith("x-forwarded") || TELL_OF_THE_CALLER.has(name));
  };
  return <T extends Headers>(headers: T) => {
    const kept = Object.entries(headers).filter(([name]) => !goes(plain(name)));
    return { ...(Object.fromEntries(kept) as T), ...own };
  };
}

/** Servers that hand headers on as variables (CGI, WSGI) take `X_Real_IP` for `X-Real-IP`. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}
