import type { IncomingHttpHeaders } from "node:http";
import { parse } from "cookie";
import { REFUSALS } from "../answers.js";
import type { Answer, Calling } from "./client.js";

/** The names under which Coder's clients send a token: as a header, and as a cookie or a query parameter. */
const HEADER = "coder-session-token";
const COOKIE = "coder_session_token";

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/**
 * The token that a request brings. The first one counts, in the order of docs/protocol.md: header, bearer, cookie, query.
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
  const cookie = sessionToken(headers, host);
  const inQuery = query.get(COOKIE);
  if (!cookie) return inQuery ? { ok: inQuery } : { refusal: REFUSALS.signedOut };
  if (isUpgrade && !originMayUseCookie(headers.origin, host, allowedOrigins)) {
    return { refusal: REFUSALS.forbidden };
  }
  const changesSomething = method !== "GET" && method !== "HEAD";
  return changesSomething && inQuery !== cookie ? { refusal: REFUSALS.signedOut } : { ok: cookie };
}

/** Whether a request brings a token as a cookie, which may be somebody else's doing. @param host that it was made to */
export function bringsCookie(headers: IncomingHttpHeaders, host: string): boolean {
  return Boolean(sessionToken(headers, host));
}

/**
 * The cookie that a session of this relay is kept in. Browsers keep cookies by host and not by port: on one's own machine its
 * name has the port, so that two relays there do not sign each other out.
 *
 * @param host that a request was made to, with its port
 */
export function sessionCookie(host: string): { name: string; isLoopback: boolean } {
  const url = URL.canParse(`http://${host}`) ? new URL(`http://${host}`) : undefined;
  const isLoopback = url !== undefined && LOOPBACK.test(url.hostname);
  return { name: isLoopback ? `${COOKIE}_${url.port || "80"}` : COOKIE, isLoopback };
}

/** The token that a request brings as a cookie: that of a session of this relay, or else one of Coder's name. */
export function sessionToken(headers: IncomingHttpHeaders, host: string): string | undefined {
  const cookies = parse(headers.cookie ?? "");
  return cookies[sessionCookie(host).name] || cookies[COOKIE] || undefined;
}

/**
 * A request's headers with the session's cookie under the name that an upstream knows it by.
 *
 * @param headers names in lower case
 * @param host that the request was made to
 */
export function withCoderCookie<T extends Record<string, unknown>>(headers: T, host: string): T {
  const own = sessionCookie(host).name;
  const cookies = String(headers.cookie ?? "").split(/; */);
  const session = cookies.find((each) => each.startsWith(`${own}=`));
  if (own === COOKIE || session === undefined) return headers;
  const others = cookies.filter((each) => each !== session && !each.startsWith(`${COOKIE}=`));
  return { ...headers, cookie: [...others, COOKIE + session.slice(own.length)].join("; ") };
}

/** Whether a page is one of this host. @param origin as a browser says it */
export function isOwnOrigin(origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false; // "null": a sandboxed page
  const page = new URL(origin);
  const here = `${page.protocol}//${host}`;
  return URL.canParse(here) && new URL(here).host === page.host;
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
  return origin === undefined || allowed.includes(origin) || isOwnOrigin(origin, host);
}

/** The same URL for logs: no token of the query is left, however its name is written, nor one, or an invite, that stands elsewhere. */
export function maskToken(url: string): string {
  const [path = "", ...queries] = url.split("?");
  const masked = queries.map((query) => query.split("&").map(maskParameter).join("&"));
  return [path, ...masked].join("?").replace(/tw[ac]_[0-9a-f]{16}_[\w-]+|\b(agent|view)-[\w-]{22}\b/gi, "***");
}

function maskParameter(parameter: string): string {
  const [name = ""] = parameter.split("=", 1);
  const decoded = [...new URLSearchParams(parameter).keys()].join("");
  return decoded.toLowerCase().includes(COOKIE) ? `${name}=***` : parameter;
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.[0];
}
