import type { IncomingHttpHeaders } from "node:http";
import { parse } from "cookie";
import type { Answer, Calling } from "./access/authority.js";
import { REFUSALS } from "./answers.js";

/** The names under which Coder's clients send a token: as a header, and as a cookie or a query parameter. */
const HEADER = "coder-session-token";
const COOKIE = "coder_session_token";

/**
 * The token that a request brings. The first one counts, in the wire contract's order: header, bearer, cookie, query.
 *
 * A browser sends cookies along whoever's page asks. So a cookie counts on an upgrade only from a page that may use it,
 * and on a request that changes something only beside the same token in a place that a foreign page cannot fill.
 *
 * @param allowedOrigins as `https://chat.example.com`
 */
export function readCredentials(calling: Calling, allowedOrigins: readonly string[]): Answer<string> {
  const { headers, query, method, host, isUpgrade } = calling;
  const header = single(headers[HEADER]) || bearer(headers);
  if (header) return { ok: header };
  const cookie = parse(headers.cookie ?? "")[COOKIE];
  const inQuery = query.get(COOKIE);
  if (!cookie) return inQuery ? { ok: inQuery } : { refusal: REFUSALS.signedOut };
  if (isUpgrade && !originMayUseCookie(headers.origin, host, allowedOrigins)) {
    return { refusal: REFUSALS.forbidden };
  }
  const changesSomething = method !== "GET" && method !== "HEAD";
  return changesSomething && inQuery !== cookie ? { refusal: REFUSALS.signedOut } : { ok: cookie };
}

/** The token of an `Authorization: Bearer` header. */
export function bearer(headers: IncomingHttpHeaders): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
}

/**
 * Whether a page may use the visitor's cookie on an upgrade: it is no page (`Origin` absent), or one of this host, or one
 * of an origin that the operator allows. Browsers let any page open a WebSocket to anywhere.
 */
function originMayUseCookie(origin: string | undefined, host: string, allowed: readonly string[]): boolean {
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
