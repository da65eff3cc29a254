import { type Logger, messageOf, TreewireError } from "../util/index.js";
import type { LimitOptions } from "./limit-options.js";
import type { NatsOptions } from "./nats-connection.js";
import { existingDirectory, SqliteStore, type Store, StoreUnavailableError, troubleOf } from "./store/index.js";

/** Where a relay's state is: in a directory of its own, or at NATS, where relays share it. */
export type StorePlace = { dataDir: string } | { nats: NatsOptions };

/** As the store at NATS has them. */
export interface StoreOptions {
  /** Told of the store's troubles. */
  log?: Logger;
  /** Of what one workspace may keep. */
  limits?: Pick<LimitOptions, "workspaceRows" | "workspaceBytes">;
  /** For how long a token that counted does so while nobody can be asked, in milliseconds. */
  graceMs?: number;
}

/**
 * Does a command's job on a store, beside relays that serve it.
 *
 * @param place a text is a directory
 * @throws TreewireError `TW_NO_RELAY_DATA`, `TW_DATA_DIR`; of NATS, `TW_NATS_UNREACHABLE`, `TW_NATS_TOO_OLD`, `TW_NO_CLUSTER`,
 *   `TW_NATS_SECRET`, `TW_TLS_FILES`; what the job throws
 */
export async function withStore<T>(place: StorePlace | string, job: (store: Store) => Promise<T>): Promise<T> {
  if (typeof place !== "string" && "nats" in place) {
    return closing(await openNatsStore(place.nats), job, (thrown) => unanswered(place.nats, thrown));
  }
  const directory = existingDirectory(typeof place === "string" ? place : place.dataDir);
  return closing(new SqliteStore(directory), job, (thrown) => {
    // a full disk, or a lock that others held for too long
    return new TreewireError("TW_DATA_DIR", directory, { detail: messageOf(causeOf(thrown)), cause: thrown });
  });
}

/**
 * Opens the store that relays share at NATS, whose library is loaded with it.
 *
 * @throws TreewireError `TW_NATS_UNREACHABLE`, `TW_NATS_TOO_OLD`, `TW_NO_CLUSTER`, `TW_NATS_SECRET`, `TW_TLS_FILES`
 */
export async function openNatsStore(nats: NatsOptions, options: StoreOptions = {}): Promise<Store> {
  const { NatsStore } = await import("./store/nats/nats-store.js");
  try {
    return await NatsStore.open({ ...nats, ...options });
  } catch (thrown) {
    throw troubleOf(thrown) === undefined ? thrown : unanswered(nats, thrown);
  }
}

function unanswered({ servers }: NatsOptions, thrown: unknown): TreewireError {
  const detail = messageOf(causeOf(thrown));
  return new TreewireError("TW_NATS_UNREACHABLE", servers.join(", "), { detail, cause: thrown });
}

async function closing<T>(
  store: Store,
  job: (store: Store) => Promise<T>,
  troubled: (thrown: unknown) => TreewireError,
): Promise<T> {
  try {
    return await job(store);
  } catch (thrown) {
    throw troubleOf(thrown) === undefined ? thrown : troubled(thrown);
  } finally {
    await store.close();
  }
}

/** What lies behind a store that does not answer. */
function causeOf(thrown: unknown): unknown {
  return thrown instanceof StoreUnavailableError ? (thrown.cause ?? thrown) : thrown;
}
