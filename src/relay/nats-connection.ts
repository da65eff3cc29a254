import { connect, credsAuthenticator, type NatsConnection, nkeyAuthenticator, nkeys } from "@nats-io/transport-node";
import { MAX_SETTINGS_FILE_BYTES, messageOf, readRegularFile, systemCode, TreewireError } from "../util/index.js";

/** A server that does not answer two pings is left for another one. Milliseconds. */
const PING_MS = 2_000;
const MAX_PINGS_OUT = 2;
/** How long between two tries to connect again, and how much longer at random. */
const RECONNECT_MS = 100;
const RECONNECT_JITTER_MS = 100;
const CONNECT_MS = 5_000;

/** Where NATS is, and who comes to it. Secrets are in files. */
export interface NatsOptions {
  /** `nats://HOST:PORT` each, or `tls://`; any of them leads to all. */
  servers: readonly string[];
  /** Paths of files: what `nsc` writes for a user; a user's nkey seed. */
  creds?: string;
  nkey?: string;
  /** Paths of PEM files: who may have signed the servers' certificates, and the client's own certificate and its key. */
  ca?: string;
  cert?: string;
  key?: string;
  /** The relay's name: below `_INBOX_NAME` it hears answers, which is what permissions speak of. Letters, digits, `-`, `_`. */
  relayId?: string;
}

/**
 * Connects to NATS, and again whenever that ends. To be imported only where that is asked for: NATS's library comes with it.
 *
 * @param names `name`: by which servers' logs have it; `inbox`: the subject below which it hears answers, unless the relay has a name
 * @throws TreewireError `TW_NATS_UNREACHABLE`, `TW_NATS_SECRET`, `TW_TLS_FILES`
 */
export async function connectNats(
  options: NatsOptions,
  names: { name: string; inbox: string },
): Promise<NatsConnection> {
  const { servers, creds, nkey, relayId } = options;
  const tls = tlsOf(options);
  const read = {
    ...(creds !== undefined && { authenticator: authenticatorOf(creds, credsAuthenticator) }),
    ...(nkey !== undefined && { authenticator: authenticatorOf(nkey, (seed) => nkeyAuthenticator(trimmed(seed))) }),
    ...(tls !== undefined && { tls }),
  };
  try {
    return await connect({
      ...read,
      servers: [...servers],
      name: names.name,
      noEcho: true,
      inboxPrefix: relayId === undefined ? names.inbox : `_INBOX_${relayId}`,
      timeout: CONNECT_MS,
      pingInterval: PING_MS,
      maxPingOut: MAX_PINGS_OUT,
      reconnectTimeWait: RECONNECT_MS,
      reconnectJitter: RECONNECT_JITTER_MS,
      reconnectJitterTLS: RECONNECT_JITTER_MS,
      maxReconnectAttempts: -1,
      ignoreAuthErrorAbort: true, // a user who is refused may be let in again: the library gives up at the second refusal
    });
  } catch (thrown) {
    throw new TreewireError("TW_NATS_UNREACHABLE", servers.join(", "), { detail: messageOf(thrown), cause: thrown });
  }
}

/** Makes the key of a user for NATS. @returns `seed`: the secret; `user`: what NATS's configuration names the user by */
export function makeNatsUser(): { seed: string; user: string } {
  const pair = nkeys.createUser();
  return { seed: Buffer.from(pair.getSeed()).toString(), user: pair.getPublicKey() };
}

/** Reads a secret, and sees whether it is one: NATS's library would find out again and again. */
function authenticatorOf<A extends (nonce?: string) => unknown>(path: string, make: (bytes: Uint8Array) => A): A {
  try {
    const authenticator = make(readRegularFile(path, MAX_SETTINGS_FILE_BYTES).bytes);
    authenticator("nonce");
    return authenticator;
  } catch (thrown) {
    const detail = systemCode(thrown) ?? "not what is expected of it";
    throw new TreewireError("TW_NATS_SECRET", path, { detail, cause: thrown });
  }
}

function trimmed(seed: Uint8Array): Uint8Array {
  return new TextEncoder().encode(Buffer.from(seed).toString().trim());
}

function tlsOf({ servers, ca, cert, key }: NatsOptions): { ca?: string; cert?: string; key?: string } | undefined {
  if ((cert === undefined) !== (key === undefined)) {
    throw new TreewireError("TW_BAD_USAGE", "--nats-cert and --nats-key", { detail: "they go together" });
  }
  const files = Object.entries({ ca, cert, key }).flatMap(([name, path]) => (path === undefined ? [] : [[name, path]]));
  if (files.length === 0 && !servers.some((server) => server.startsWith("tls://"))) return undefined;
  return Object.fromEntries(files.map(([name = "", path = ""]) => [name, readPem(path)]));
}

function readPem(path: string): string {
  try {
    return readRegularFile(path, MAX_SETTINGS_FILE_BYTES).bytes.toString();
  } catch (thrown) {
    throw new TreewireError("TW_TLS_FILES", path, { detail: systemCode(thrown) ?? messageOf(thrown), cause: thrown });
  }
}
