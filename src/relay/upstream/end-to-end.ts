/**
 * What is meant for one hop alone (RFC 9110, 7.6.1, and the older list of RFC 2616, 13.5.1). `Expect` is answered here:
 * Node says `100 Continue` by itself.
 */
const HOP_BY_HOP = [
  "connection",
  "expect",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** The headers of a request or an answer that are for its receiver, and not for whoever hands it on. */
export function endToEnd<T extends Record<string, string | readonly string[] | undefined>>(headers: T): T {
  const named = String(headers.connection ?? "")
    .toLowerCase()
    .split(",");
  const dropped = new Set([...HOP_BY_HOP, ...named.map((name) => name.trim())]);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.has(name.toLowerCase()))) as T;
}
