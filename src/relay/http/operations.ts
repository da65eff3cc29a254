import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { TUNNEL_PATH } from "../../protocol/index.js";
import type { Client } from "../access/index.js";
import { REFUSALS, type Refusal, RefusedError } from "../answers.js";
import type { Metrics } from "../metrics.js";
import type { StoreState } from "../store/index.js";
import { clientOf, type HttpContext, type HttpServer } from "./context.js";
import { callerErrors, errorResponses } from "./schemas.js";

const status = z.object({ status: z.string() });
const readiness = status.extend({ detail: z.string().exactOptional() });

export interface OperationOptions {
  metrics: Metrics;
  /** How many sockets are still open, when the relay stops and no more requests are to be sent here. */
  socketsLeft: () => number | undefined;
  /** Whether other relays can be reached, where there are any. */
  reachesOthers: () => boolean;
}

/** What those who run the relay ask: is it alive, is it ready, how is it doing, what can it do. */
export function operationRoutes(context: HttpContext, { metrics, socketsLeft, reachesOthers }: OperationOptions) {
  return async (http: HttpServer): Promise<void> => {
    http.get(
      "/healthz",
      {
        logLevel: "warn",
        schema: { summary: "Whether the process is alive", response: { 200: status, ...errorResponses() } },
      },
      async () => ({ status: "ok" }),
    );
    http.get(
      "/readyz",
      {
        logLevel: "warn",
        schema: { summary: "Whether it takes requests", response: { 200: readiness, ...errorResponses(503) } },
      },
      async () => {
        const left = socketsLeft();
        if (left !== undefined) throw new RefusedError(draining(left));
        await context.store.check(); // rejects when it cannot be read
        const { state } = context.store.health;
        if (state.kind !== "ok") throw new RefusedError(storeTrouble(state));
        // agents and clients that meet here have all they need
        return { status: "ready", ...(!reachesOthers() && { detail: "other relays cannot be reached" }) };
      },
    );
    http.get(
      "/metrics",
      {
        logLevel: "warn",
        schema: {
          summary: "Prometheus metrics, for an admin's token",
          response: { 200: z.string(), ...callerErrors(403) },
        },
      },
      async (request, reply) => {
        await requireAdmin(context, request);
        return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
      },
    );
    // an upgrade that a proxy made a plain request of
    http.get(TUNNEL_PATH, { schema: { hide: true } }, () => {
      throw new RefusedError(REFUSALS.upgradeRequired);
    });
  };
}

/** What those who watch over the relay are told while it stops. @param left sockets that are still open */
function draining(left: number): Refusal {
  const { status, body, headers } = REFUSALS.goingAway;
  return { status, headers, body: { ...body, detail: `draining: ${left} sockets are open` } };
}

/** What those who watch over the relay are told of its store; requests that need no write are served on. */
function storeTrouble({ kind, since, detail }: Exclude<StoreState, { kind: "ok" }>): Refusal {
  const { status, body, headers } = REFUSALS.storeTrouble;
  return { status, headers, body: { ...body, detail: `${kind} since ${since.toISOString()}: ${detail}` } };
}

/** @returns whose token the caller brings @throws RefusedError when that is no admin of this relay */
export async function requireAdmin(context: HttpContext, request: FastifyRequest): Promise<Client> {
  const client = await clientOf(context, context.own, request);
  if (!client.admin) throw new RefusedError(REFUSALS.forbidden);
  return client;
}
