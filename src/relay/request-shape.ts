import type { IncomingMessage } from "node:http";

/**
 * Whether a request names its target in one way alone: in origin form (RFC 9112, 3.2.1) and with one `Host`, which HTTP/1.0
 * may do without. With two hosts, or one in the target as well, each server on the way may believe another one.
 */
export function hasOneTarget({ url, rawHeaders, httpVersion }: IncomingMessage): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]?.toLowerCase() === "host") hosts += 1;
  return url?.startsWith("/") === true && (hosts === 1 || (hosts === 0 && httpVersion === "1.0"));
}
