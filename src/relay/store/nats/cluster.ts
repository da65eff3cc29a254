import { isDeepStrictEqual } from "node:util";
import { JetStreamApiCodes, JetStreamApiError, jetstreamManager, type StreamConfig } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { messageOf, TreewireError } from "../../../util/index.js";
import { connectNats, type NatsOptions } from "../../nats-connection.js";
import { isForbidden, type NatsLink } from "./nats-link.js";
import { RECORD_STREAM, streamsOf } from "./streams.js";

/** The first version that writes several messages together or not at all. */
const LEAST_VERSION = [2, 12] as const;
/** States of trees and lists of what chats show are one message each. Bytes. */
const ADVISED_MAX_PAYLOAD = 8 * 1024 * 1024;
/** What {@link initCluster} makes has pieces of half of that, and batches of records of less. Bytes. */
const LEAST_MAX_PAYLOAD = 1024 * 1024;

/** Servers that have just been started know nothing of each other for some seconds: so long it is tried again. Milliseconds. */
const START_MS = 30_000;
const RETRY_MS = 500;
/** What servers say until they know of each other: there is no leader, or too few of them. */
const NOT_YET_CODES = [10005, 10008, 10009];

/** What came of one stream. */
export interface InitializedStream {
  name: string;
  done: "made" | "changed" | "there already";
  /** What is another than it was, or than NATS makes by itself, in words. */
  changes: string[];
}

/**
 * Makes what relays share, as {@link initCluster}.
 *
 * @returns what was done, and what else the operator should do
 * @throws TreewireError `TW_NATS_UNREACHABLE`, `TW_NATS_SECRET`, `TW_TLS_FILES`, `TW_NATS_TOO_OLD`, `TW_CLUSTER_INIT`
 */
export async function initClusterAt(
  nats: NatsOptions,
  replicas: number,
): Promise<{ streams: InitializedStream[]; advice: string[] }> {
  const connection = await connectNats(nats, { name: "treewire cluster init", inbox: "_INBOX_init" });
  try {
    const streams = await initCluster(connection, replicas);
    const maxPayload = connection.info?.max_payload ?? 0;
    const advice =
      maxPayload < ADVISED_MAX_PAYLOAD
        ? [`max_payload is ${maxPayload} bytes: set 8MB, or large states of trees are not kept`]
        : [];
    return { streams, advice };
  } finally {
    await connection.close();
  }
}

/**
 * Makes the streams that relays share, or brings those that are there up to what this version wants.
 *
 * @param replicas how many of NATS's servers keep each message: 1, 3 or 5
 * @throws TreewireError `TW_NATS_TOO_OLD`; `TW_CLUSTER_INIT` with what NATS says: too few servers, no JetStream, no permission
 */
export async function initCluster(connection: NatsConnection, replicas: number): Promise<InitializedStream[]> {
  requireVersion(connection);
  const done: InitializedStream[] = [];
  const end = performance.now() + START_MS;
  for (const wanted of streamsOf(replicas)) {
    for (;;) {
      try {
        done.push(await initStream(connection, wanted, replicas));
        break;
      } catch (thrown) {
        if (!mayPass(connection, thrown) || performance.now() >= end) {
          throw new TreewireError("TW_CLUSTER_INIT", wanted.name, { detail: messageOf(thrown), cause: thrown });
        }
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
  return done;
}

async function initStream(
  connection: NatsConnection,
  wanted: Partial<StreamConfig> & { name: string },
  replicas: number,
): Promise<InitializedStream> {
  const { name } = wanted;
  const { streams } = await jetstreamManager(connection, { checkAPI: false });
  const found = await streams.info(name).catch(nothingIfNotFound);
  if (found === undefined) {
    await streams.add(wanted);
    return { name, done: "made", changes: [`${replicas} of each`] };
  }
  const changes = changesOf(found.config, wanted);
  if (changes.length > 0) await streams.update(name, wanted);
  return { name, done: changes.length > 0 ? "changed" : "there already", changes };
}

/** Whether it may be otherwise in some seconds. */
function mayPass({ info }: Pick<NatsConnection, "info">, thrown: unknown): boolean {
  if (isForbidden(thrown) || info?.jetstream !== true) return false;
  return thrown instanceof JetStreamApiError ? NOT_YET_CODES.includes(thrown.code) : true;
}

/**
 * Makes sure that what relays share is there.
 *
 * @throws StoreUnavailableError; TreewireError `TW_NATS_TOO_OLD`, `TW_NO_CLUSTER`
 */
export async function requireCluster(link: Pick<NatsLink, "connection" | "manager" | "patiently">): Promise<void> {
  requireVersion(link.connection);
  for (const { name } of streamsOf(1)) {
    const info = await link.patiently(() => link.manager.streams.info(name).catch(nothingIfNotFound));
    if (info === undefined) throw new TreewireError("TW_NO_CLUSTER", name, { detail: "there is no such stream" });
    // a server of before says nothing of what it does not know, and would write each message of a batch by itself
    const { allow_atomic: takesBatches, republish } = info.config;
    if (name !== RECORD_STREAM || (takesBatches === true && republish !== undefined)) continue;
    throw new TreewireError("TW_NO_CLUSTER", name, { detail: "it takes no batches, or does not tell of them" });
  }
}

/** @throws TreewireError `TW_NATS_TOO_OLD`; `TW_CLUSTER_INIT` when it takes too little at once */
function requireVersion({ info }: Pick<NatsConnection, "info">): void {
  const [, major = 0, minor = 0] = (/^(\d+)\.(\d+)/.exec(info?.version ?? "") ?? []).map(Number);
  const [leastMajor, leastMinor] = LEAST_VERSION;
  if (major < leastMajor || (major === leastMajor && minor < leastMinor)) {
    throw new TreewireError("TW_NATS_TOO_OLD", info?.host ?? "NATS", { detail: info?.version ?? "of no version" });
  }
  if ((info?.max_payload ?? 0) >= LEAST_MAX_PAYLOAD) return;
  throw new TreewireError("TW_CLUSTER_INIT", "max_payload", { detail: `it is ${info?.max_payload}, and 1MB at least` });
}

/** What of a stream is not as it should be, in words. */
function changesOf(found: StreamConfig, wanted: Partial<StreamConfig>): string[] {
  return (Object.keys(wanted) as (keyof StreamConfig)[])
    .filter((key) => !isDeepStrictEqual(found[key], wanted[key]))
    .map((key) => `${key} ${JSON.stringify(found[key])} → ${JSON.stringify(wanted[key])}`);
}

function nothingIfNotFound(thrown: unknown): undefined {
  if (!(thrown instanceof JetStreamApiError) || thrown.code !== JetStreamApiCodes.StreamNotFound) throw thrown;
}
