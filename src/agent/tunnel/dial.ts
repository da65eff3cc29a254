import { validateHeaderName, validateHeaderValue } from "node:http";
import { getProxyForUrl } from "proxy-from-env";
import {
  EmptyFileError,
  MAX_SETTINGS_FILE_BYTES,
  messageOf,
  readRegularFile,
  systemCode,
  TreewireError,
} from "../../util/index.js";
import type { DialSettings } from "../../util/link/index.js";

/** What of the agent's settings says how to reach the relay. */
export interface ReachSettings {
  /** Paths of PEM files; read at every attempt, so that whoever renews them needs to tell nobody. */
  caFile?: string | undefined;
  certFile?: string | undefined;
  keyFile?: string | undefined;
  /** `NAME: VALUE`. */
  headers?: readonly string[];
}

/** Headers that make the tunnel what it is. */
const RESERVED = /^(authorization|connection|upgrade|host|sec-websocket-.*)$/i;

/**
 * What one attempt to connect takes.
 *
 * @param url the tunnel's, `ws:` or `wss:`
 * @throws TreewireError `TW_BAD_CONFIG`: a file that cannot be read, a header that is none, a proxy that is no URL
 */
export function dial(url: URL, settings: ReachSettings): DialSettings {
  const headers = Object.fromEntries((settings.headers ?? []).map(parseHeader));
  const proxy = proxyFor(url);
  const { caFile, certFile, keyFile } = settings;
  return {
    headers,
    ...(caFile !== undefined && { ca: readPem("ca-file", caFile) }),
    ...(certFile !== undefined && { cert: readPem("cert-file", certFile) }),
    ...(keyFile !== undefined && { key: readPem("key-file", keyFile) }),
    ...(proxy !== undefined && { proxy }),
  };
}

/** The proxy's URL without what it is entered with; "" when there is none. For logs and status. */
export function proxyName(url: URL): string {
  const proxy = proxyUrl(url);
  return URL.canParse(proxy) ? new URL(proxy).host : "";
}

/** `HTTPS_PROXY` counts for `wss:`, `HTTP_PROXY` for `ws:`, `NO_PROXY` for both, in either case of letters. */
function proxyUrl(url: URL): string {
  return getProxyForUrl(url.href.replace(/^ws/, "http"));
}

function proxyFor(url: URL): URL | undefined {
  const proxy = proxyUrl(url);
  if (proxy === "") return undefined;
  // not repeated: a password may stand in it
  if (!URL.canParse(proxy) || !/^https?:$/.test(new URL(proxy).protocol)) {
    throw new TreewireError("TW_BAD_CONFIG", "HTTPS_PROXY", { detail: "not an http:// or https:// URL" });
  }
  return new URL(proxy);
}

function parseHeader(text: string): [name: string, value: string] {
  const colon = text.indexOf(":");
  const name = text.slice(0, Math.max(colon, 0)).trim();
  const value = text.slice(colon + 1).trim();
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  } catch {
    throw new TreewireError("TW_BAD_CONFIG", "header", { detail: "not NAME: VALUE" }); // its text may be a secret
  }
  if (RESERVED.test(name))
    throw new TreewireError("TW_BAD_CONFIG", "header", { detail: `${name} is the tunnel's own` });
  return [name, value];
}

function readPem(name: string, path: string): string {
  try {
    const text = readRegularFile(path, MAX_SETTINGS_FILE_BYTES).bytes.toString();
    if (text.trim() === "") throw new EmptyFileError(); // which TLS would take for no file at all
    return text;
  } catch (error) {
    throw new TreewireError("TW_BAD_CONFIG", path, {
      detail: `${name}: ${systemCode(error) ?? messageOf(error)}`,
      cause: error,
    });
  }
}
