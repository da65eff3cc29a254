import { createSecureContext } from "node:tls";
import {
  type Logger,
  MAX_SETTINGS_FILE_BYTES,
  messageOf,
  readRegularFile,
  systemCode,
  TreewireError,
} from "../../util/index.js";
import type { UpstreamOptions } from "../access/index.js";
import { Limits } from "../access/limits.js";
import type { FileTypes } from "../http/files/file-types.js";
import { DEFAULT_LIMITS, type LimitOptions } from "../limit-options.js";
import type { NatsOptions } from "../nats-connection.js";
import { Proxies } from "../proxies.js";

/** How long an upstream has to answer, in milliseconds. */
const UPSTREAM_TIMEOUT_MS = 30_000;

/** What a relay is started with. */
export interface RelayOptions {
  /** Where the relay keeps its state: made when it is missing. One relay serves it at a time. Left out: at {@link nats}. */
  dataDir?: string;
  /** Default: 127.0.0.1. */
  host?: string;
  /** 0 picks one. Default: 7700. */
  port?: number;
  log: Logger;
  /** Origins, beside the relay's own, whose pages may use their visitors' cookies. */
  allowedOrigins?: readonly string[];
  /** Proxies whose `X-Forwarded-*` headers are believed: addresses, ranges, `loopback`, `uniquelocal`. */
  trustProxy?: readonly string[];
  /** Paths of PEM files; both or none. They are read again on a reload. */
  tlsCert?: string;
  tlsKey?: string;
  /**
   * Upstream mode: the URL of a server with the chat API, which stays the owner of chats and files. Its calls are handed
   * through, and it is asked who may watch.
   */
  upstream?: string;
  /** How long the upstream has to answer, in milliseconds. Default: 30 s. */
  upstreamTimeoutMs?: number;
  /** What chat files may be: images, or texts, PDFs and SVGs as well. Default: `images`. */
  fileTypes?: FileTypes;
  limits?: Partial<LimitOptions>;
  /** How long a chat is watched after its last viewer left, in milliseconds. Default: 10 s. */
  lingerMs?: number;
  /** Where metrics are served to whoever asks, beside the main port, which wants an admin's token; port 0 picks one. */
  metricsListen?: { host: string; port: number };
  /** Origins whose pages may frame the page, or `'self'`. Default: none. */
  frameAncestors?: readonly string[];
  /**
   * How long a relay that stops has to write states, to close sockets one after the other and to let requests end, in
   * milliseconds. Default: 10 s.
   */
  drainMs?: number;
  /**
   * Where NATS is, by which agents and viewers of one workspace may be at any relay that is there. With a `dataDir` the relay keeps
   * its state there all the same, and the relays have to know the same tokens and chats by other means.
   */
  nats?: NatsOptions;
  /** For how long tokens that counted do so while NATS does not answer, in milliseconds. Default: 10 min. */
  outageGraceMs?: number;
}

/** What of the options is read before anything is made. */
export interface ReadOptions {
  tls: ReturnType<typeof readTls>;
  upstream: UpstreamOptions | undefined;
  proxies: Proxies;
  limits: Limits;
}

/** @throws TreewireError `TW_BAD_USAGE`, `TW_TLS_FILES` */
export function readOptions(options: Omit<RelayOptions, "dataDir">): ReadOptions {
  return {
    tls: readTls(options),
    upstream: readUpstream(options),
    proxies: new Proxies(options.trustProxy ?? []),
    limits: new Limits({ ...DEFAULT_LIMITS, ...options.limits }),
  };
}

function readUpstream({
  upstream,
  upstreamTimeoutMs = UPSTREAM_TIMEOUT_MS,
}: Omit<RelayOptions, "dataDir">): UpstreamOptions | undefined {
  if (upstream === undefined) return undefined;
  const url = URL.canParse(upstream) ? new URL(upstream) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new TreewireError("TW_BAD_USAGE", `--upstream ${upstream}`, { detail: "not an http:// or https:// URL" });
  }
  return { url, timeoutMs: upstreamTimeoutMs };
}

/** @returns certificate and key as the files have them now. @throws TreewireError `TW_BAD_USAGE`, `TW_TLS_FILES` */
export function readTls({ tlsCert, tlsKey }: Omit<RelayOptions, "dataDir">): { cert: Buffer; key: Buffer } | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new TreewireError("TW_BAD_USAGE", "--tls-cert and --tls-key", { detail: "they go together" });
  }
  const read = (path: string) => {
    try {
      return readRegularFile(path, MAX_SETTINGS_FILE_BYTES).bytes;
    } catch (thrown) {
      throw new TreewireError("TW_TLS_FILES", path, { detail: systemCode(thrown) ?? messageOf(thrown), cause: thrown });
    }
  };
  const files = { cert: read(tlsCert), key: read(tlsKey) };
  try {
    createSecureContext(files);
  } catch (thrown) {
    throw new TreewireError("TW_TLS_FILES", tlsCert, { detail: messageOf(thrown), cause: thrown });
  }
  return files;
}
