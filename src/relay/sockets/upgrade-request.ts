import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type ServerOptions, WebSocketServer } from "ws";
import type { Admission } from "../access/index.js";
import type { Limits } from "../access/limits.js";
import { OF_RELAY, REFUSALS, type Refusal, refuseUpgrade } from "../answers.js";
import type { ClientRates } from "../budgets/client-rates.js";
import type { Failures } from "../failures.js";
import type { Metrics } from "../metrics.js";
import type { Proxies } from "../proxies.js";
import type { LiveSockets } from "./live-sockets.js";

/** One upgrade request, as Node hands it over. */
export interface UpgradeRequest {
  request: IncomingMessage;
  socket: Duplex;
  /** What came behind the request's headers. */
  head: Buffer;
  url: URL;
}

/** What every upgrade of a client's goes through. */
export interface ClientUpgradeOptions {
  admission: Admission;
  proxies: Proxies;
  limits: Limits;
  rates: ClientRates;
  live: LiveSockets;
  failures: Failures;
  metrics: Metrics;
}

/** A WebSocket server whose answers are all marked as the relay's own, and whose refusals have the form of docs/protocol.md. */
export function createSocketServer(options: Omit<ServerOptions, "noServer" | "clientTracking">): WebSocketServer {
  const server = new WebSocketServer({ ...options, noServer: true, clientTracking: true });
  server.on("headers", (headers) => {
    for (const [name, value] of Object.entries(OF_RELAY)) headers.push(`${name}: ${value}`);
  });
  server.on("wsClientError", ({ message }, socket) => {
    const refusal = message === "Invalid HTTP method" ? METHOD_NOT_ALLOWED : UNFIT;
    refuseUpgrade(socket, { ...refusal, body: { ...refusal.body, detail: message } });
  });
  return server;
}

const METHOD_NOT_ALLOWED: Refusal = { ...REFUSALS.methodNotAllowed, headers: { Allow: "GET" } };
/** With the versions that are spoken (RFC 6455, 4.4). */
const UNFIT: Refusal = { ...REFUSALS.badRequest, headers: { "Sec-WebSocket-Version": "13, 8" } };
