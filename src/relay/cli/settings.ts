import {
  type EffectiveSettings,
  LOG_LEVELS,
  listOf,
  MAX_TIMER_MS,
  numberOf,
  readConfigFile,
  resolveSettings,
  type Setting,
  type SettingsTable,
  TreewireError,
  textOf,
} from "../../util/index.js";
import { DEFAULT_LIMITS, type LimitOptions } from "../limit-options.js";
import type { NatsOptions } from "../nats-connection.js";
import type { StorePlace } from "../store-place.js";
import { fromJson } from "./json-settings.js";

const number = (describe: string, value: number) =>
  ({ kind: "number", positive: true, default: value, describe }) as const satisfies Setting;
const list = (describe: string) => ({ kind: "list", separator: ",", default: [], describe }) as const satisfies Setting;

const SETTINGS = {
  "data-dir": { kind: "text", describe: "where the relay keeps its state" },
  nats: list("nats://HOST:PORT or tls://HOST:PORT of a server where relays share their state; repeatable"),
  "nats-creds": { kind: "text", describe: "file of a NATS user's credentials, as nsc writes it" },
  "nats-nkey": { kind: "text", describe: "file with a NATS user's nkey seed" },
  "nats-ca": { kind: "text", describe: "PEM file with who signs the NATS servers' certificates" },
  "nats-cert": { kind: "text", describe: "PEM file with the relay's own certificate for NATS" },
  "nats-key": { kind: "text", describe: "PEM file with its key" },
  "relay-id": { kind: "text", describe: "the relay's name at NATS, by which permissions know it; default: a new one" },
  "outage-grace": number("seconds for which known tokens count while NATS does not answer", 600),
  listen: { kind: "text", default: "127.0.0.1:7700", describe: "HOST:PORT; port 0 picks one" },
  upstream: { kind: "text", describe: "URL of a server with the chat API, which stays the owner of chats and files" },
  "upstream-timeout-seconds": number("how long the upstream has to answer", 30),
  "allowed-origin": list(
    "an origin, as https://chat.example.com, whose pages may use their visitors' cookies; repeatable",
  ),
  "frame-ancestor": list("an origin whose pages may frame the page, or 'self'; repeatable. Default: none may"),
  "trust-proxy": list(
    "a proxy whose X-Forwarded headers are believed: address, range, loopback, uniquelocal; repeatable",
  ),
  "tls-cert": { kind: "text", describe: "PEM file with the certificate chain; read again on SIGHUP" },
  "tls-key": { kind: "text", describe: "PEM file with its key; read again on SIGHUP" },
  "log-level": { kind: "choice", choices: LOG_LEVELS, default: "info", describe: "the least that is logged" },
  "drain-seconds": number("how long requests and sockets have to end after SIGTERM", 10),
  "linger-seconds": number("how long a chat is watched after its last viewer left", 10),
  "requests-per-address": number("requests and upgrades of one address in a minute", DEFAULT_LIMITS.requestsPerAddress),
  "requests-per-token": number("requests and upgrades with one token in a minute", DEFAULT_LIMITS.requestsPerToken),
  "failures-per-address": number("those without a token that counts, in a minute", DEFAULT_LIMITS.failuresPerAddress),
  "sockets-per-token": number("open watch sockets of one token", DEFAULT_LIMITS.socketsPerToken),
  "messages-per-second": number("messages that one watch socket may send", DEFAULT_LIMITS.messagesPerSecond),
  "client-messages-per-second": number(
    "messages that all watch sockets of one token may send, on average",
    DEFAULT_LIMITS.clientMessagesPerSecond,
  ),
  "client-bytes-per-second": number(
    "bytes that all watch sockets and uploads of one token may send, on average",
    DEFAULT_LIMITS.clientBytesPerSecond,
  ),
  "max-client-frame-bytes": number("bytes of a watch client's frame, unpacked", DEFAULT_LIMITS.clientFrameBytes),
  "max-agent-frame-bytes": number("bytes of an agent's frame, unpacked", DEFAULT_LIMITS.agentFrameBytes),
  "frame-bytes": number(
    "bytes of a message to a client of the git stream; the largest hunks are left out of larger ones",
    DEFAULT_LIMITS.frameBytes,
  ),
  "hello-timeout-seconds": number("how long an agent has to say hello", DEFAULT_LIMITS.helloTimeoutMs / 1000),
  "ping-seconds": number(
    "how often sockets are pinged, and how long they have to answer",
    DEFAULT_LIMITS.pingIntervalMs / 1000,
  ),
  "agent-messages-per-second": number(
    "messages that one agent may send, on average",
    DEFAULT_LIMITS.agentMessagesPerSecond,
  ),
  "agent-bytes-per-second": number(
    "bytes that one agent may send, unpacked and on average",
    DEFAULT_LIMITS.agentBytesPerSecond,
  ),
  "agent-stall-ms-per-second": number(
    "milliseconds of each second in which one agent may have the relay for itself, on average",
    DEFAULT_LIMITS.agentStallMsPerSecond,
  ),
  "max-tree-bytes": number(
    "what all trees may cost in memory; what nobody watches goes first, then the largest workspace",
    DEFAULT_LIMITS.treeBytes,
  ),
  "workspace-bytes": number(
    "what one workspace's trees may cost in memory, and in the store",
    DEFAULT_LIMITS.workspaceBytes,
  ),
  "workspace-trees": number("trees of one workspace in memory", DEFAULT_LIMITS.workspaceTrees),
  "workspace-files": number("changed files of all trees of one workspace", DEFAULT_LIMITS.workspaceFiles),
  "workspace-rows": number(
    "rows that the store has of one workspace's trees, and of its chats' trees; the oldest go",
    DEFAULT_LIMITS.workspaceRows,
  ),
  "max-connections": number("open TCP connections", DEFAULT_LIMITS.connections),
  "headers-timeout-seconds": number("how long a request's headers may take", DEFAULT_LIMITS.headersTimeoutMs / 1000),
  "request-timeout-seconds": number(
    "how long a request with its body may take",
    DEFAULT_LIMITS.requestTimeoutMs / 1000,
  ),
  "idle-timeout-seconds": number(
    "how long a connection without a request is kept",
    DEFAULT_LIMITS.idleTimeoutMs / 1000,
  ),
  "max-header-bytes": number("bytes of a request's headers", DEFAULT_LIMITS.headerBytes),
  "max-body-bytes": number("bytes of a request's body, files aside", DEFAULT_LIMITS.bodyBytes),
  "metrics-listen": { kind: "text", describe: "HOST:PORT where metrics are served, to whoever reaches it" },
  "owner-file-bytes": number("bytes of one user's files", DEFAULT_LIMITS.ownerFileBytes),
  "organization-file-bytes": number("bytes of one organization's files", DEFAULT_LIMITS.organizationFileBytes),
  "uploads-per-token": number("uploads of one token under way", DEFAULT_LIMITS.uploadsPerToken),
  "max-uploads": number("uploads under way, of everybody", DEFAULT_LIMITS.uploads),
  "min-free-bytes": number("what uploads leave free on the data directory's file system", DEFAULT_LIMITS.minFreeBytes),
  "file-types": {
    kind: "choice",
    choices: ["images", "all"],
    default: "images",
    describe: "what chat files may be: images alone; all: text, Markdown, CSV, JSON, PDF and SVG as well",
  },
} as const satisfies Record<string, Setting>;

export type RelaySettingName = keyof typeof SETTINGS;
export type RelaySettings = EffectiveSettings<RelaySettingName>;

/** Every setting of the relay. docs/operating.md lists the same; a test compares the two. */
export const RELAY_SETTINGS: SettingsTable<RelaySettingName> = {
  program: "relay",
  prefix: "TREEWIRE_RELAY_",
  settings: SETTINGS,
};

/**
 * The settings as they count. A file of before, as JSON, is still read: that is said on standard error.
 *
 * @param commandLine by name, with `config`; `undefined` where an option was not given
 * @throws TreewireError `TW_BAD_CONFIG`
 */
export function relaySettings(
  commandLine: Readonly<Record<string, unknown>>,
  environment: NodeJS.ProcessEnv = process.env,
): RelaySettings {
  const file = readConfigFile(RELAY_SETTINGS, { commandLine, environment });
  const toml = file === undefined ? undefined : fromJson(file, RELAY_SETTINGS);
  if (toml !== undefined) {
    process.stderr.write(`relay: ${toml.path}: JSON is read as before, but the form is TOML now:\n${toml.text}`);
  }
  return resolveSettings(RELAY_SETTINGS, { commandLine, environment, file: toml ?? file });
}

/** The settings that say where a relay's state is. */
export const STORE_SETTINGS = [
  "data-dir",
  "nats",
  "nats-creds",
  "nats-nkey",
  "nats-ca",
  "nats-cert",
  "nats-key",
  "relay-id",
] as const satisfies RelaySettingName[];

/**
 * Where the relay's state is.
 *
 * @throws TreewireError `TW_BAD_USAGE` when that is said nowhere, `TW_TWO_STORES`, `TW_NATS_URL`, `TW_BAD_CONFIG`
 */
export function placeOf(settings: RelaySettings): StorePlace {
  const dataDir = textOf(settings["data-dir"]);
  const servers = listOf(settings.nats);
  if (servers.length === 0 && dataDir !== undefined) return { dataDir };
  if (servers.length === 0) {
    throw new TreewireError("TW_BAD_USAGE", "--data-dir", { detail: "give --data-dir DIRECTORY, or --nats URL" });
  }
  if (dataDir !== undefined) throw new TreewireError("TW_TWO_STORES", `--nats and ${settings["data-dir"].from}`);
  return { nats: natsOf(settings) };
}

/** Where NATS is, and who comes to it. @throws TreewireError `TW_NATS_URL`, `TW_BAD_CONFIG` */
export function natsOf(settings: RelaySettings): NatsOptions {
  const servers = listOf(settings.nats);
  for (const server of servers) requireNatsUrl(server, settings.nats.from);
  const relayId = textOf(settings["relay-id"]);
  if (relayId !== undefined && !/^[A-Za-z0-9_-]{1,64}$/.test(relayId)) {
    const detail = "it must be at most 64 letters, digits, - and _";
    throw new TreewireError("TW_BAD_CONFIG", settings["relay-id"].from, { detail });
  }
  const files = { creds: "nats-creds", nkey: "nats-nkey", ca: "nats-ca", cert: "nats-cert", key: "nats-key" } as const;
  const given = Object.entries(files).flatMap(([name, setting]) => {
    const path = textOf(settings[setting]);
    return path === undefined ? [] : [[name, path]];
  });
  return { servers, ...Object.fromEntries(given), ...(relayId !== undefined && { relayId }) };
}

/** @throws TreewireError `TW_NATS_URL`; it does not repeat what may have a password in it */
function requireNatsUrl(text: string, from: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const detail =
    url === undefined || !/^(nats|tls):$/.test(url.protocol) || url.hostname === ""
      ? "neither nats:// nor tls:// with a host"
      : url.username !== "" || url.password !== ""
        ? "everybody on this machine can read what stands in a command line"
        : url.pathname.length > 1 || url.search !== "" || url.hash !== ""
          ? "nothing follows the port"
          : undefined;
  if (detail !== undefined) throw new TreewireError("TW_NATS_URL", from, { detail });
}

/** What callers may use up, as the settings say. */
export function limitsOf(settings: RelaySettings): LimitOptions {
  return {
    requestsPerAddress: amount(settings, "requests-per-address"),
    requestsPerToken: amount(settings, "requests-per-token"),
    failuresPerAddress: amount(settings, "failures-per-address"),
    socketsPerToken: amount(settings, "sockets-per-token"),
    messagesPerSecond: amount(settings, "messages-per-second"),
    clientMessagesPerSecond: amount(settings, "client-messages-per-second"),
    clientBytesPerSecond: amount(settings, "client-bytes-per-second"),
    clientFrameBytes: amount(settings, "max-client-frame-bytes"),
    agentFrameBytes: amount(settings, "max-agent-frame-bytes"),
    frameBytes: amount(settings, "frame-bytes"),
    helloTimeoutMs: milliseconds(settings, "hello-timeout-seconds"),
    pingIntervalMs: milliseconds(settings, "ping-seconds"),
    agentMessagesPerSecond: amount(settings, "agent-messages-per-second"),
    agentBytesPerSecond: amount(settings, "agent-bytes-per-second"),
    agentStallMsPerSecond: amount(settings, "agent-stall-ms-per-second"),
    treeBytes: amount(settings, "max-tree-bytes"),
    workspaceBytes: amount(settings, "workspace-bytes"),
    workspaceTrees: amount(settings, "workspace-trees"),
    workspaceFiles: amount(settings, "workspace-files"),
    workspaceRows: amount(settings, "workspace-rows"),
    connections: amount(settings, "max-connections"),
    headersTimeoutMs: milliseconds(settings, "headers-timeout-seconds"),
    requestTimeoutMs: milliseconds(settings, "request-timeout-seconds"),
    idleTimeoutMs: milliseconds(settings, "idle-timeout-seconds"),
    headerBytes: amount(settings, "max-header-bytes"),
    bodyBytes: amount(settings, "max-body-bytes"),
    ownerFileBytes: amount(settings, "owner-file-bytes"),
    organizationFileBytes: amount(settings, "organization-file-bytes"),
    uploadsPerToken: amount(settings, "uploads-per-token"),
    uploads: amount(settings, "max-uploads"),
    minFreeBytes: amount(settings, "min-free-bytes"),
  };
}

/**
 * A setting in seconds, in whole milliseconds: `AbortSignal.timeout` takes no others.
 *
 * @throws TreewireError `TW_BAD_CONFIG` for more than a timer can hold
 */
export function milliseconds(settings: RelaySettings, name: RelaySettingName): number {
  const ms = Math.max(1, Math.round(amount(settings, name) * 1000));
  if (ms <= MAX_TIMER_MS) return ms;
  const detail = `it must be at most ${Math.floor(MAX_TIMER_MS / 1000)} seconds`;
  throw new TreewireError("TW_BAD_CONFIG", settings[name].from, { detail });
}

function amount(settings: RelaySettings, name: RelaySettingName): number {
  const value = numberOf(settings[name]);
  if (value === undefined) throw new Error(`${name} has no default`);
  return value;
}
