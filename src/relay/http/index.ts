import { type FastifyBaseLogger, type FastifyReply, fastify } from "fastify";
import {
  hasZodFastifySchemaValidationErrors,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from "fastify-type-provider-zod";
import { type Logger, messageOf } from "../../util/index.js";
import { REFUSALS, type Refusal, RefusedError } from "../answers.js";
import { maskToken } from "../credentials.js";
import { PREFIXES } from "../routes.js";
import { chatRoutes, streamRoutes } from "./chats.js";
import type { HttpContext, HttpServer } from "./context.js";
import { fileRoutes } from "./files.js";

export type { HttpContext, HttpServer } from "./context.js";

/** Bodies other than files are short. */
const BODY_LIMIT_BYTES = 64 * 1024;

/** The relay's HTTP side. Upgrades do not come here. */
export async function createHttp(context: HttpContext, log: Logger): Promise<HttpServer> {
  const http = fastify({
    loggerInstance: log.child({}, { serializers: { req: requestForLog } }) as FastifyBaseLogger,
    routerOptions: { ignoreTrailingSlash: true },
    bodyLimit: BODY_LIMIT_BYTES,
    forceCloseConnections: true,
  }).withTypeProvider<ZodTypeProvider>();
  http.setValidatorCompiler(validatorCompiler);
  http.setSerializerCompiler(serializerCompiler);
  http.setNotFoundHandler((_request, reply) => refuse(reply, REFUSALS.noSuchRoute));
  http.setErrorHandler((error, request, reply) => {
    const refusal = refusalOf(error);
    if (refusal.status >= 500) request.log.error({ error: messageOf(error) }, "request failed");
    return refuse(reply, refusal);
  });
  for (const prefix of PREFIXES) {
    const hide = prefix !== PREFIXES[0]; // the description names each route once
    await http.register(streamRoutes(context, prefix, hide), { prefix });
    await http.register(chatRoutes(context, hide), { prefix });
    await http.register(fileRoutes(context, hide), { prefix });
  }
  return http;
}

function refuse(reply: FastifyReply, { status, body, headers = {} }: Refusal): FastifyReply {
  return reply.code(status).headers(headers).type("application/json; charset=utf-8").send(body);
}

/** What a failure is told as: in the contract's form, and without the insides of the relay. */
function refusalOf(error: unknown): Refusal {
  if (error instanceof RefusedError) return error.refusal;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const validations = error.validation.map(({ instancePath, message }) => ({
      field: instancePath.replace(/^\//, "").replaceAll("/", ".") || "body",
      detail: message ?? "is not valid",
    }));
    return { status: 400, body: { message: "Bad request.", validations } };
  }
  const status = statusOf(error);
  return { status, body: { message: status >= 500 ? "Internal error." : messageOf(error) } };
}

function statusOf(error: unknown): number {
  const status = typeof error === "object" && error !== null && "statusCode" in error ? error.statusCode : 500;
  return typeof status === "number" && status >= 400 ? status : 500;
}

function requestForLog(request: { method: string; url: string; ip?: string }): object {
  return { method: request.method, url: maskToken(request.url), address: request.ip };
}
