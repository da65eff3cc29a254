import replyFrom from "@fastify/reply-from";
import type { FastifyReply, FastifyRequest } from "fastify";
import { messageOf } from "../../util/index.js";
import { bringsCookie, readCredentials, withCoderCookie } from "../access/credentials.js";
import type { UpstreamOptions } from "../access/index.js";
import { tokenDigest } from "../access/limits.js";
import { accept, REFUSALS, type Refusal, RefusedError } from "../answers.js";
import { type HttpContext, type HttpServer, queryOf } from "../http/context.js";
import type { LimitOptions } from "../limit-options.js";
import { RepeatedLog } from "../repeated-log.js";
import { endToEnd } from "./end-to-end.js";
import { forwarding } from "./forwarded.js";
import { ownerOf } from "./paths.js";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

/** Connections to the upstream for what is no upload. */
const OTHER_CONNECTIONS = 128;

/** Every call at and below `/chats` that is not the relay's own, handed through to the upstream as streams. */
export function proxyRoutes(context: HttpContext, upstream: UpstreamOptions, { uploads }: LimitOptions) {
  const { origin, pathname } = upstream.url;
  // bodies, which may come slowly, leave some for calls that have none
  const connections = OTHER_CONNECTIONS + uploads;
  const base = pathname.replace(/\/+$/, "");
  return async (http: HttpServer): Promise<void> => {
    await http.register(replyFrom, {
      base: origin,
      disableCache: true,
      disableRequestLogging: true,
      undici: { headersTimeout: upstream.timeoutMs, bodyTimeout: upstream.timeoutMs, connections },
    });
    http.removeAllContentTypeParsers();
    http.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
    const failed = new RepeatedLog(http.log);
    for (const url of ["/chats", "/chats/*"]) {
      http.route({
        // the library warns of callers that go away as well
        childLoggerFactory: (logger, bindings, options) => {
          const child = logger.child(bindings, options);
          child.warn = child.debug.bind(child);
          return child;
        },
        method: [...METHODS],
        url,
        schema: { hide: true },
        handler: async (request, reply) => {
          const path = request.url.split("?", 1)[0] ?? "";
          const owner = ownerOf(path);
          if (owner !== "upstream")
            throw new RefusedError(owner === "own" ? REFUSALS.noSuchRoute : REFUSALS.badRequest);
          const address = request.ip; // later, the socket may be gone
          const sayWhoCalls = forwarding(context.proxies, request.raw);
          const host = context.proxies.host(request.raw);
          const callerId = await admit(context, request);
          if (hasBody(request)) {
            const leave = context.uploads.enter(callerId);
            if (reply.raw.closed) leave();
            else reply.raw.once("close", leave);
          }
          return reply.from(base + path, {
            retryDelay: () => null, // whether to try again is for the caller to say
            rewriteRequestHeaders: (_request, headers) => sayWhoCalls(withCoderCookie(endToEnd(headers), host)),
            rewriteHeaders: (headers) => endToEnd(headers),
            onResponse: (_request, answer, { stream }) => {
              answered(context, request.method, address, reply.statusCode);
              answer.send(stream);
            },
            onError: (answer, { error }) => {
              const { raw } = request;
              const hasGone = raw.destroyed && !raw.complete;
              if (!hasGone) failed.warn(messageOf(error), { err: error }, "the upstream did not answer");
              refuse(answer as FastifyReply, refusalOf(error));
            },
          });
        },
      });
    }
  };
}

/**
 * The limits hold here too, and what a cookie is worth; whether the token counts, the upstream says.
 *
 * @returns a name for the caller: of the token, or the address of whoever brings none
 * @throws RefusedError 401, 429
 */
async function admit({ admission, proxies }: HttpContext, request: FastifyRequest): Promise<string> {
  const { method, headers, raw } = request;
  const calling = { method, headers, query: queryOf(request), host: proxies.host(raw), isUpgrade: false };
  const credentials = readCredentials(calling, []);
  const { ip } = request;
  return accept(
    await admission.admit(ip, async () => {
      const tokenId = credentials.ok === undefined ? undefined : tokenDigest(credentials.ok);
      if (tokenId !== undefined) return { ok: tokenId, tokenId };
      return bringsCookie(headers, calling.host) ? { refusal: REFUSALS.signedOut } : { ok: ip };
    }),
  );
}

/** RFC 9112, 6: a body is announced by one of these. */
function hasBody({ headers }: FastifyRequest): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

function answered(context: HttpContext, method: string, address: string, status: number): void {
  if (status === 401) void context.admission.failed(address);
  const mayHaveChangedChats = method !== "GET" && method !== "HEAD" && status < 300;
  if (mayHaveChangedChats) context.changed();
}

function refuse(reply: FastifyReply, { status, body }: Refusal): void {
  reply.code(status).type("application/json; charset=utf-8").send(body);
}

function refusalOf(error: Error): Refusal {
  const isLate = "statusCode" in error && error.statusCode === 504;
  return isLate ? REFUSALS.gatewayTimeout : REFUSALS.badGateway;
}
