import type { IncomingHttpHeaders } from "node:http";
import { parse } from "cookie";

/** The name under which Coder's clients send a token as a header, a cookie or a query parameter. */
const HEADER = "coder-session-token";
const COOKIE = "coder_session_token";

export interface Credentials {
  token: string;
  source: "header" | "bearer" | "cookie" | "query";
}

/** The first token that a request brings, in the wire contract's order: header, bearer, cookie, query. */
export function readCredentials(headers: IncomingHttpHeaders, query: URLSearchParams): Credentials | undefined {
  const found: [Credentials["source"], string | null | undefined][] = [
    ["header", single(headers[HEADER])],
    ["bearer", bearer(headers)],
    ["cookie", parse(headers.cookie ?? "")[COOKIE]],
    ["query", query.get(COOKIE)],
  ];
  for (const [source, token] of found) if (token) return { token, source };
  return undefined;
}

/** The token of an `Authorization: Bearer` header. */
export function bearer(headers: IncomingHttpHeaders): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
}

/**
 * Whether a page may use the visitor's cookie on an upgrade: it is no page (`Origin` absent), or one of this host, or one
 * of a host that the operator allows. Browsers let any page open a WebSocket to anywhere, cookies included.
 *
 * @param host the `Host` that the request was sent to
 * @param allowed origins, as `https://chat.example.com`
 */
export function originMayUseCookie(origin: string | undefined, host: string, allowed: readonly string[]): boolean {
  if (origin === undefined || allowed.includes(origin)) return true;
  if (!URL.canParse(origin)) return false; // "null": a sandboxed page
  const page = new URL(origin);
  const here = `${page.protocol}//${host}`;
  return URL.canParse(here) && new URL(here).host === page.host;
}

/** The same URL with its token masked, for logs. */
export function maskToken(url: string): string {
  return url.replace(/([?&]coder_session_token=)[^&#]*/gi, "$1***");
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.[0];
}
