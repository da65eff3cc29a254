import { validateHeaderName, validateHeaderValue } from "node:http";
import { messageOf, systemCode, TreewireError } from "./errors.js";
import { EmptyFileError, MAX_SETTINGS_FILE_BYTES, readRegularFile } from "./regular-file.js";

/** What of a program's settings says how to reach the relay. */
export interface ReachSettings {
  /** Paths of PEM files; read at every attempt, so that whoever renews them needs to tell nobody. */
  caFile?: string | undefined;
  certFile?: string | undefined;
  keyFile?: string | undefined;
  /** `NAME: VALUE`. */
  headers?: readonly string[];
}

/** The same as what is sent and checked. */
export interface Reach {
  headers: Record<string, string>;
  /** PEM. */
  ca?: string;
  cert?: string;
  key?: string;
}

/** Headers that make the connection what it is. */
const RESERVED = /^(authorization|connection|upgrade|host|sec-websocket-.*)$/i;

/** Reads what the settings name. @throws TreewireError `TW_BAD_CONFIG`: a file that cannot be read, a header that is none */
export function reach({ caFile, certFile, keyFile, headers = [] }: ReachSettings): Reach {
  return {
    headers: Object.fromEntries(headers.map(parseHeader)),
    ...(caFile !== undefined && { ca: readPem("ca-file", caFile) }),
    ...(certFile !== undefined && { cert: readPem("cert-file", certFile) }),
    ...(keyFile !== undefined && { key: readPem("key-file", keyFile) }),
  };
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
