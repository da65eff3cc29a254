import { connectNats } from "../../../../src/relay/nats-connection.js";
import { initCluster } from "../../../../src/relay/store/nats/cluster.js";
import { NatsStore, type NatsStoreOptions } from "../../../../src/relay/store/nats/nats-store.js";
import { NatsServer } from "../../../support/nats-server.js";
import { type Cleanup, tempDir } from "../../../support/temp.js";

/**
 * A server with the streams that relays share.
 *
 * @param directory where it keeps them @param maxBytes of what it may store @returns `open`: another relay's store
 */
export async function startStores(t: Cleanup, directory = tempDir(t), maxBytes?: number) {
  const server = await NatsServer.start(t, directory, maxBytes);
  const connection = await connectNats({ servers: [server.url] }, { name: "a test", inbox: "_INBOX_test" });
  t.teardown(() => connection.close());
  await initCluster(connection, 1);
  const open = async (options: Partial<NatsStoreOptions> = {}) => {
    const store = await NatsStore.open({ servers: [server.url], ...options });
    t.teardown(() => store.close());
    return store;
  };
  return { server, connection, open };
}
