import t from "tap";
import { connectNats } from "../../../src/relay/nats-connection.js";
import { SqliteStore, type Store } from "../../../src/relay/store/index.js";
import { initCluster } from "../../../src/relay/store/nats/cluster.js";
import { NatsStore } from "../../../src/relay/store/nats/nats-store.js";
import { streamsOf } from "../../../src/relay/store/nats/streams.js";
import { NatsServer, withoutNats } from "../../support/nats-server.js";
import { type Cleanup, tempDir } from "../../support/temp.js";

interface Kind {
  skip: string | false;
  /** How often chats are tried at random. */
  runs: number;
  /** Makes new data. @returns opens a store on it, as often as is wanted */
  make(t: Cleanup): () => Promise<Store>;
}

const nats = withoutNats === false ? await NatsServer.start(t, tempDir(t)) : undefined;

/** The stores of which is asked what {@link Store} promises: two relays, or a relay and a command, on one and the same data. */
export const KINDS: Record<string, Kind> = {
  SqliteStore: {
    skip: false,
    runs: 40,
    make: (t) => {
      const dir = tempDir(t);
      return async () => new SqliteStore(dir);
    },
  },
  NatsStore: {
    skip: withoutNats,
    runs: 10,
    make: () => {
      const servers = [nats?.url ?? ""];
      const made = emptied(servers);
      return async () => {
        await made;
        return NatsStore.open({ servers });
      };
    },
  },
};

/** Makes the streams anew: one server is enough for all tests. */
async function emptied(servers: string[]): Promise<void> {
  const connection = await connectNats({ servers }, { name: "a test", inbox: "_INBOX_test" });
  for (const { name } of streamsOf(1)) await connection.request(`$JS.API.STREAM.DELETE.${name}`);
  await initCluster(connection, 1);
  await connection.close();
}

/** Two stores on the same new data. @returns `again`: opens another one */
export async function opened(
  t: Cleanup,
  make: Kind["make"],
): Promise<{ here: Store; beside: Store; again: () => Promise<Store> }> {
  const again = make(t);
  const stores = [await again(), await again()] as const;
  t.teardown(() => Promise.all(stores.map((store) => store.close())));
  return { here: stores[0], beside: stores[1], again };
}
