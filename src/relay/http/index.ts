import type { Socket } from "node:net";
import { type FastifyBaseLogger, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import {
  hasZodFastifySchemaValidationErrors,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from "fastify-type-provider-zod";
import { type Logger, messageOf, systemCode } from "../../util/index.js";
import { maskToken } from "../access/credentials.js";
import { Turns } from "../access/turns.js";
import { REFUSALS, type Refusal, RefusedError, refuseUpgrade, UNMET } from "../answers.js";
import type { LimitOptions } from "../limit-options.js";
import { RepeatedLog } from "../repeated-log.js";
import { hasOneTarget } from "../request-shape.js";
import { PreconditionError } from "../store/index.js";
import { AllowedMethods } from "./allowed-methods.js";
import type { HttpContext, HttpServer } from "./context.js";
import { RelayResponse } from "./relay-response.js";
import { RequestLog } from "./request-log.js";
import { addRoutes, type RouteOptions } from "./routes.js";
import { UnreadBodies } from "./unread-bodies.js";
import { validationsOf } from "./validations.js";

export type { HttpContext, HttpServer } from "./context.js";

export interface HttpOptions extends RouteOptions {
  tls: { cert: Buffer; key: Buffer } | undefined;
  log: Logger;
}

/** The relay's HTTP side. Upgrades do not come here. */
export async function createHttp(context: HttpContext, options: HttpOptions): Promise<HttpServer> {
  const { limits, metrics, log } = options;
  const common = {
    loggerInstance: log.child({}, { serializers: { req: requestForLog } }) as FastifyBaseLogger,
    logController: new RequestLog(),
    // an id of any length gets the answer that it is none
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: limits.headerBytes },
    trustProxy: context.proxies.trusts,
    bodyLimit: limits.bodyBytes,
    frameworkErrors: (error: Error, _request: FastifyRequest, reply: FastifyReply) => refuse(reply, refusalOf(error)),
    connectionTimeout: 0, // sockets that watch are quiet for long; ping and pong look after them
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    return503OnClosing: false,
    clientErrorHandler: answerBrokenRequest,
  };
  const server = {
    ServerResponse: RelayResponse,
    maxHeaderSize: limits.headerBytes,
    connectionsCheckingInterval: checkEveryMs(limits),
  };
  const http = (
    options.tls === undefined
      ? fastify({ ...common, http: server })
      : fastify({ ...common, https: { ...server, ...options.tls, handshakeTimeout: limits.headersTimeoutMs } })
  ).withTypeProvider<ZodTypeProvider>() as HttpServer;
  // Node swaps the two when the headers may take longer than the whole
  http.server.headersTimeout = Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs);
  http.server.maxConnections = limits.connections;
  http.setValidatorCompiler(validatorCompiler);
  http.setSerializerCompiler(serializerCompiler);
  http.setNotFoundHandler((_request, reply) => refuse(reply, REFUSALS.noSuchRoute));
  const failed = new RepeatedLog(log);
  http.setErrorHandler((error, request, reply) => {
    if (context.store.health.note(error)) return refuse(reply, REFUSALS.storeTrouble);
    const refusal = refusalOf(error);
    // who goes away amid a request is no fault of the relay's, and nobody is there to be answered
    if (request.raw.readableAborted) request.log.debug({ err: error }, "the client has gone");
    else if (refusal.status >= 500)
      failed.error(messageOf(error), { err: error, url: maskToken(request.url) }, "request failed");
    return refuse(reply, refusal);
  });
  const allowed = new AllowedMethods(http);
  const turns = new Turns();
  http.addHook("onRequest", async (request) => {
    await turns.take(); // those that bring no token, too
    const refusal = hasOneTarget(request.raw) ? allowed.refusal(request) : REFUSALS.badRequest;
    if (refusal !== undefined) throw new RefusedError(refusal); // whatever its body is
  });
  const unread = new UnreadBodies(limits);
  http.addHook("onSend", async (request, reply) => unread.drop(request, reply));
  http.addHook("preClose", async () => unread.close());
  http.addHook("onResponse", async (request, reply) => metrics.request(request.method, reply.statusCode));
  await addRoutes(http, context, options);
  return http;
}

/** How often Node looks for requests that have taken too long: its own 30 s would add to the limits. Milliseconds. */
function checkEveryMs({ headersTimeoutMs, requestTimeoutMs }: LimitOptions): number {
  return Math.max(10, Math.min(headersTimeoutMs, requestTimeoutMs) / 10);
}

/** What Node's parser gives up on: the answer goes over the bare socket. */
function answerBrokenRequest(error: Error, socket: Socket): void {
  const code = systemCode(error);
  if (code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const refusal = { HPE_HEADER_OVERFLOW: REFUSALS.headersTooLarge, ERR_HTTP_REQUEST_TIMEOUT: REFUSALS.requestTimeout };
  refuseUpgrade(socket, refusal[code as keyof typeof refusal] ?? REFUSALS.badRequest);
}

function refuse(reply: FastifyReply, { status, body, headers = {} }: Refusal): FastifyReply {
  return reply.code(status).headers(headers).type("application/json; charset=utf-8").send(body);
}

/** What a failure is answered with: in the contract's form, and without the insides of the relay. */
function refusalOf(error: unknown): Refusal {
  if (error instanceof RefusedError) return error.refusal;
  if (error instanceof PreconditionError) return UNMET[error.unmet];
  if (hasZodFastifySchemaValidationErrors(error)) {
    return { status: 400, body: { message: "Bad request.", validations: error.validation.flatMap(validationsOf) } };
  }
  const status = statusOf(error);
  return { status, body: { message: status >= 500 ? REFUSALS.internal.body.message : messageOf(error) } };
}

function statusOf(error: unknown): number {
  const status = typeof error === "object" && error !== null && "statusCode" in error ? error.statusCode : 500;
  return typeof status === "number" && status >= 400 ? status : 500;
}

function requestForLog(request: { method: string; url: string; ip?: string }): object {
  return { method: request.method, url: maskToken(request.url), address: request.ip };
}
