import { connect, type NatsConnection } from "@nats-io/transport-node";

/** A server that does not answer two pings is left for another one. Milliseconds. */
const PING_MS = 2_000;
const MAX_PINGS_OUT = 2;
/** How long between two tries to connect again, and how much longer at random. */
const RECONNECT_MS = 100;
const RECONNECT_JITTER_MS = 100;
const CONNECT_MS = 5_000;

export interface NatsOptions {
  /** `nats://HOST:PORT` each; any of them leads to all. */
  servers: string[];
}

/**
 * Connects to NATS, and again whenever that ends. To be imported only where that is asked for: NATS's library comes with it.
 *
 * @param names `name`: by which servers' logs have it; `inbox`: the subject below which it hears answers
 * @throws what the library throws when no server is there
 */
export function connectNats({ servers }: NatsOptions, names: { name: string; inbox: string }): Promise<NatsConnection> {
  return connect({
    servers,
    name: names.name,
    noEcho: true,
    inboxPrefix: names.inbox,
    timeout: CONNECT_MS,
    pingInterval: PING_MS,
    maxPingOut: MAX_PINGS_OUT,
    reconnectTimeWait: RECONNECT_MS,
    reconnectJitter: RECONNECT_JITTER_MS,
    reconnectJitterTLS: RECONNECT_JITTER_MS,
    maxReconnectAttempts: -1,
  });
}
