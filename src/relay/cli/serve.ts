import { readFileSync } from "node:fs";
import type { Options } from "yargs";
import { z } from "zod";
import { command, createLogger, LOG_LEVELS, MAX_TIMER_MS, messageOf, stopSignal } from "../../util/index.js";
import { DEFAULT_LIMITS, type LimitOptions } from "../limit-options.js";
import { badUsage, DATA_DIR } from "./command.js";

/** The prefix of the environment variables that set options: `TREEWIRE_RELAY_LISTEN` is `--listen`. */
export const ENV_PREFIX = "TREEWIRE_RELAY";

const limit = (describe: string, value: number) => ({ type: "number", default: value, describe }) as const;
const list = (describe: string) => ({ type: "array", string: true, default: [] as string[], describe }) as const;

/** Every option of `relay serve`. docs/operating.md lists the same; a test compares the two. */
export const SERVE_OPTIONS = {
  "data-dir": DATA_DIR,
  listen: { type: "string", default: "127.0.0.1:7700", describe: "HOST:PORT; port 0 picks one" },
  upstream: { type: "string", describe: "URL of a server with the chat API, which stays the owner of chats and files" },
  "upstream-timeout-seconds": limit("how long the upstream has to answer", 30),
  "allowed-origin": list(
    "an origin, as https://chat.example.com, whose pages may use their visitors' cookies; repeatable",
  ),
  "trust-proxy": list(
    "a proxy whose X-Forwarded headers are believed: address, range, loopback, uniquelocal; repeatable",
  ),
  "tls-cert": { type: "string", describe: "PEM file with the certificate chain; read again on SIGHUP" },
  "tls-key": { type: "string", describe: "PEM file with its key; read again on SIGHUP" },
  "log-level": { choices: LOG_LEVELS, default: "info" as const, describe: "the least that is logged" },
  "drain-seconds": limit("how long requests and sockets have to end after SIGTERM", 10),
  "linger-seconds": limit("how long a chat is watched after its last viewer left", 10),
  "requests-per-address": limit("requests and upgrades of one address in a minute", DEFAULT_LIMITS.requestsPerAddress),
  "requests-per-token": limit("requests and upgrades with one token in a minute", DEFAULT_LIMITS.requestsPerToken),
  "failures-per-address": limit("those without a token that counts, in a minute", DEFAULT_LIMITS.failuresPerAddress),
  "sockets-per-token": limit("open watch sockets of one token", DEFAULT_LIMITS.socketsPerToken),
  "messages-per-second": limit("messages that one watch socket may send", DEFAULT_LIMITS.messagesPerSecond),
  "max-client-frame-bytes": limit("bytes of a watch client's frame, unpacked", DEFAULT_LIMITS.clientFrameBytes),
  "max-agent-frame-bytes": limit("bytes of an agent's frame, unpacked", DEFAULT_LIMITS.agentFrameBytes),
  "hello-timeout-seconds": limit("how long an agent has to say hello", DEFAULT_LIMITS.helloTimeoutMs / 1000),
  "ping-seconds": limit(
    "how often sockets are pinged, and how long they have to answer",
    DEFAULT_LIMITS.pingIntervalMs / 1000,
  ),
  "max-tree-characters": limit("diff text held in memory; what nobody watches goes first", DEFAULT_LIMITS.treeUnits),
  "max-connections": limit("open TCP connections", DEFAULT_LIMITS.connections),
  "headers-timeout-seconds": limit("how long a request's headers may take", DEFAULT_LIMITS.headersTimeoutMs / 1000),
  "request-timeout-seconds": limit("how long a request with its body may take", DEFAULT_LIMITS.requestTimeoutMs / 1000),
  "idle-timeout-seconds": limit("how long a connection without a request is kept", DEFAULT_LIMITS.idleTimeoutMs / 1000),
  "max-header-bytes": limit("bytes of a request's headers", DEFAULT_LIMITS.headerBytes),
  "max-body-bytes": limit("bytes of a request's body, files aside", DEFAULT_LIMITS.bodyBytes),
} as const satisfies Record<string, Options>;

export const serveCommand = command(
  "serve",
  "Run the relay until SIGTERM or SIGINT; SIGHUP reads certificate and key again",
  (argv) =>
    argv.options(SERVE_OPTIONS).config("config", "a JSON file with options by their names", readConfig).env(ENV_PREFIX),
  async (argv) => {
    const { startRelay } = await import("../server.js"); // the other commands start faster without it
    const log = createLogger("relay", argv.logLevel);
    const { upstream, tlsCert, tlsKey } = argv;
    const relay = await startRelay({
      dataDir: argv.dataDir,
      ...parseListen(argv.listen),
      allowedOrigins: argv.allowedOrigin,
      trustProxy: argv.trustProxy,
      ...(upstream !== undefined && { upstream }),
      upstreamTimeoutMs: milliseconds("upstream-timeout-seconds", argv.upstreamTimeoutSeconds),
      ...(tlsCert !== undefined && { tlsCert }),
      ...(tlsKey !== undefined && { tlsKey }),
      limits: limitsOf(argv),
      drainMs: milliseconds("drain-seconds", argv.drainSeconds),
      lingerMs: milliseconds("linger-seconds", argv.lingerSeconds),
      log,
    });
    const stopped = stopSignal();
    process.on("SIGHUP", () => {
      try {
        relay.reload();
        log.info("certificate and key were read again");
      } catch (thrown) {
        log.error({ error: messageOf(thrown) }, "the old certificate stays");
      }
    });
    process.stdout.write(`${JSON.stringify({ event: "listening", url: relay.url })}\n`);
    await stopped;
    log.info("stopping");
    await relay.close();
  },
);

function limitsOf(argv: {
  requestsPerAddress: number;
  requestsPerToken: number;
  failuresPerAddress: number;
  socketsPerToken: number;
  messagesPerSecond: number;
  maxClientFrameBytes: number;
  maxAgentFrameBytes: number;
  helloTimeoutSeconds: number;
  pingSeconds: number;
  maxTreeCharacters: number;
  maxConnections: number;
  headersTimeoutSeconds: number;
  requestTimeoutSeconds: number;
  idleTimeoutSeconds: number;
  maxHeaderBytes: number;
  maxBodyBytes: number;
}): LimitOptions {
  return {
    requestsPerAddress: positive("requests-per-address", argv.requestsPerAddress),
    requestsPerToken: positive("requests-per-token", argv.requestsPerToken),
    failuresPerAddress: positive("failures-per-address", argv.failuresPerAddress),
    socketsPerToken: positive("sockets-per-token", argv.socketsPerToken),
    messagesPerSecond: positive("messages-per-second", argv.messagesPerSecond),
    clientFrameBytes: positive("max-client-frame-bytes", argv.maxClientFrameBytes),
    agentFrameBytes: positive("max-agent-frame-bytes", argv.maxAgentFrameBytes),
    helloTimeoutMs: milliseconds("hello-timeout-seconds", argv.helloTimeoutSeconds),
    pingIntervalMs: milliseconds("ping-seconds", argv.pingSeconds),
    treeUnits: positive("max-tree-characters", argv.maxTreeCharacters),
    connections: positive("max-connections", argv.maxConnections),
    headersTimeoutMs: milliseconds("headers-timeout-seconds", argv.headersTimeoutSeconds),
    requestTimeoutMs: milliseconds("request-timeout-seconds", argv.requestTimeoutSeconds),
    idleTimeoutMs: milliseconds("idle-timeout-seconds", argv.idleTimeoutSeconds),
    headerBytes: positive("max-header-bytes", argv.maxHeaderBytes),
    bodyBytes: positive("max-body-bytes", argv.maxBodyBytes),
  };
}

function positive(name: string, value: number): number {
  if (!(value > 0)) throw badUsage(`--${name} ${value}`, "not a number over 0");
  return value;
}

/** @returns whole milliseconds: `AbortSignal.timeout` takes no others */
function milliseconds(name: string, seconds: number): number {
  const ms = Math.max(1, Math.round(positive(name, seconds) * 1000));
  if (ms > MAX_TIMER_MS) throw badUsage(`--${name} ${seconds}`, `more than ${Math.floor(MAX_TIMER_MS / 1000)} seconds`);
  return ms;
}

const configSchema = z.partialRecord(
  z.enum(Object.keys(SERVE_OPTIONS)),
  z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]),
);

function readConfig(path: string): object {
  try {
    return configSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (thrown) {
    const detail = thrown instanceof z.ZodError ? z.prettifyError(thrown).replaceAll("\n", " ") : messageOf(thrown);
    throw new Error(`--config ${path}: ${detail}`); // yargs hands it on as bad usage
  }
}

function parseListen(text: string): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535) throw badUsage(`--listen ${text}`, "not HOST:PORT");
  return { host: host === "" ? "0.0.0.0" : host, port: Number(port) };
}
