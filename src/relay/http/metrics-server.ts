import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "../../util/index.js";
import { REFUSALS, type Refusal } from "../answers.js";
import type { Metrics } from "../metrics.js";
import { hasOneTarget } from "../request-shape.js";
import { listenFailure } from "../serving/listen-failure.js";
import { RelayResponse } from "./relay-response.js";

/** An address that serves metrics and nothing else, to whoever reaches it. */
export interface MetricsServer {
  /** `http://HOST:PORT/metrics`. */
  url: string;
  close(): Promise<void>;
}

/** A few scrapers, and what they may send and keep open: theirs alone, so that nobody on the main port is in their way. */
const CONNECTIONS = 32;
const TIMEOUT_MS = 10_000;
const HEADER_BYTES = 8_192;

/**
 * Listens for scrapers.
 *
 * @param address port 0 picks one
 * @throws TreewireError `TW_LISTEN_FAILED`
 */
export async function listenForMetrics(
  { host, port }: { host: string; port: number },
  metrics: Metrics,
  log: Logger,
): Promise<MetricsServer> {
  const options = {
    ServerResponse: RelayResponse,
    maxHeaderSize: HEADER_BYTES,
    headersTimeout: TIMEOUT_MS,
    requestTimeout: TIMEOUT_MS,
    keepAliveTimeout: TIMEOUT_MS,
    connectionsCheckingInterval: TIMEOUT_MS / 10,
  };
  const server = createServer(options, (request, response) => {
    answer(metrics, request, response).catch((err: unknown) => {
      log.error({ err }, "metrics could not be read");
      if (response.headersSent) response.destroy();
      else refuse(response, REFUSALS.internal);
    });
  });
  server.maxConnections = CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, resolve);
  }).catch((thrown: unknown) => {
    throw listenFailure(host, port, thrown);
  });
  const { address, family, port: bound } = server.address() as AddressInfo; // a socket of TCP has one
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${bound}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(metrics: Metrics, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!hasOneTarget(request)) return refuse(response, REFUSALS.badRequest);
  if (request.url?.split("?", 1)[0] !== "/metrics") return refuse(response, REFUSALS.noSuchRoute);
  if (request.method !== "GET" && request.method !== "HEAD") return refuse(response, METHOD_NOT_ALLOWED);
  const text = await metrics.registry.metrics();
  response.writeHead(200, {
    "Content-Type": metrics.registry.contentType,
    "Content-Length": Buffer.byteLength(text),
  });
  response.end(text); // of which Node sends nothing to a HEAD
}

const METHOD_NOT_ALLOWED = { ...REFUSALS.methodNotAllowed, headers: { Allow: "GET, HEAD" } };

function refuse(response: ServerResponse, { status, body, headers }: Refusal): void {
  response.writeHead(status, { ...headers, "Content-Type": "application/json; charset=utf-8", Connection: "close" });
  response.end(JSON.stringify(body));
}
