import { getProxyForUrl } from "proxy-from-env";
import { type ReachSettings, reach, TreewireError } from "../../util/index.js";
import type { DialSettings } from "../../util/link/index.js";

/**
 * What one attempt to connect takes.
 *
 * @param url the tunnel's, `ws:` or `wss:`
 * @throws TreewireError `TW_BAD_CONFIG`: a file that cannot be read, a header that is none, a proxy that is no URL
 */
export function dial(url: URL, settings: ReachSettings): DialSettings {
  const proxy = proxyFor(url);
  return { ...reach(settings), ...(proxy !== undefined && { proxy }) };
}

/** The proxy's URL without what it is entered with; "" when there is none. For logs and status. */
export function proxyName(url: URL): string {
  const proxy = proxyUrl(url);
  return URL.canParse(proxy) ? new URL(proxy).host : "";
}

/** `HTTPS_PROXY` counts for `wss:`, `HTTP_PROXY` for `ws:`, `NO_PROXY` for both, in either case of letters. */
function proxyUrl(url: URL): string {
  return getProxyForUrl(url.href.replace(/^ws/, "http"));
}

function proxyFor(url: URL): URL | undefined {
  const proxy = proxyUrl(url);
  if (proxy === "") return undefined;
  // not repeated: a password may stand in it
  if (!URL.canParse(proxy) || !/^https?:$/.test(new URL(proxy).protocol)) {
    throw new TreewireError("TW_BAD_CONFIG", "HTTPS_PROXY", { detail: "not an http:// or https:// URL" });
  }
  return new URL(proxy);
}
