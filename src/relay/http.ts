import { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, fastify } from "fastify";
import { type Logger, messageOf } from "../util/index.js";
import type { Access } from "./access.js";
import { REFUSALS, type Refusal } from "./answers.js";
import { maskToken } from "./credentials.js";
import { PREFIXES, STREAM_NAMES } from "./routes.js";

/** The relay's HTTP side. Upgrades do not come here. */
export function createHttp(options: { access: Access; log: Logger }): FastifyInstance {
  const { access, log } = options;
  const http = fastify({
    loggerInstance: log.child({}, { serializers: { req: requestForLog } }) as FastifyBaseLogger,
    routerOptions: { ignoreTrailingSlash: true },
    bodyLimit: 1024 * 1024,
    forceCloseConnections: true,
  });
  http.setNotFoundHandler((_request, reply) => refuse(reply, REFUSALS.noSuchRoute));
  http.setErrorHandler((error, request, reply) => {
    const status = statusOf(error);
    if (status >= 500) request.log.error({ error: messageOf(error) }, "request failed");
    return refuse(reply, { status, body: { message: status >= 500 ? "Internal error." : messageOf(error) } });
  });
  for (const prefix of PREFIXES) {
    for (const name of STREAM_NAMES) {
      http.get<{ Params: { chat: string } }>(`${prefix}/chats/:chat/${name}`, (request, reply) => {
        const query = new URL(request.url, "http://relay").searchParams;
        const caller = access.authenticate(request.headers, query, false);
        if (caller.refusal) return refuse(reply, caller.refusal);
        const watchable = access.watch(caller.ok, request.params.chat);
        return refuse(reply, watchable.refusal ?? REFUSALS.upgradeRequired);
      });
    }
  }
  return http;
}

function refuse(reply: FastifyReply, { status, body, headers = {} }: Refusal): FastifyReply {
  return reply.code(status).headers(headers).send(body);
}

function statusOf(error: unknown): number {
  const status = typeof error === "object" && error !== null && "statusCode" in error ? error.statusCode : 500;
  return typeof status === "number" && status >= 400 ? status : 500;
}

function requestForLog(request: { method: string; url: string; ip?: string }): object {
  return { method: request.method, url: maskToken(request.url), address: request.ip };
}
