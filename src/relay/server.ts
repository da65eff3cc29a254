import { HEARTBEAT_MS } from "../protocol/index.js";
import { coalesce, type Logger, messageOf, TreewireError } from "../util/index.js";
import { OwnAuthority } from "./access/index.js";
import { createHttp } from "./http/index.js";
import { Hub } from "./hub/index.js";
import { Store } from "./store/index.js";
import { Upgrades } from "./upgrades.js";

export interface RelayOptions {
  /** Made when it is missing. */
  dataDir: string;
  /** Default: 127.0.0.1. */
  host?: string;
  /** 0 picks one. Default: 7700. */
  port?: number;
  log: Logger;
  /** Origins, beside the relay's own, whose pages may use their visitors' cookies. */
  allowedOrigins?: readonly string[];
  /** How long a chat is watched after its last viewer left, in milliseconds. Default: 10 s. */
  lingerMs?: number;
}

export interface RunningRelay {
  /** `http://HOST:PORT`, without a slash at the end. */
  url: string;
  /** Tells clients and agents (1001), stops listening and closes the store. */
  close(): Promise<void>;
}

/** How often the store is asked whether a command has written to it, and quiet clients are looked for. Milliseconds. */
const STORE_POLL_MS = 200;
const SWEEP_MS = 1_000;

/** How long sockets have to answer the close before they are cut, in milliseconds. */
const DRAIN_MS = 2_500;

/**
 * Starts a relay and waits until it listens.
 *
 * @throws TreewireError `TW_DATA_DIR`, `TW_LISTEN_FAILED`
 */
export async function startRelay(options: RelayOptions): Promise<RunningRelay> {
  const { log, host = "127.0.0.1", port = 7700 } = options;
  const store = new Store(options.dataDir);
  const hub = new Hub({
    chatRoots: store.chatRoots,
    log,
    ...(options.lingerMs !== undefined && { lingerMs: options.lingerMs }),
  });
  const own = new OwnAuthority(store, options.allowedOrigins ?? []);
  const upgrades = new Upgrades({ store, hub, authority: own, log });
  const reconcile = coalesce(() => upgrades.reconcile());
  const reconcileSoon = () => {
    reconcile().catch((thrown: unknown) => log.error({ error: messageOf(thrown) }, "looking again at sockets failed"));
  };
  const http = await createHttp(
    { store, own, authority: own, agentStatus: (workspace) => hub.agentStatus(workspace), changed: reconcileSoon },
    log,
  );
  http.server.on("upgrade", (request, socket, head) => void upgrades.handle(request, socket, head));
  await store.blobs.sweep((digest) => store.files.uses(digest));

  let url: string;
  try {
    url = await http.listen({ host, port });
  } catch (thrown) {
    store.close();
    throw new TreewireError("TW_LISTEN_FAILED", `${host}:${port}`, { detail: messageOf(thrown), cause: thrown });
  }

  let version = store.version();
  const poll = setInterval(() => {
    upgrades.expire();
    const now = store.version();
    if (now === version) return;
    version = now;
    reconcileSoon();
  }, STORE_POLL_MS);
  const sweep = setInterval(() => hub.beat(HEARTBEAT_MS - 2 * SWEEP_MS), SWEEP_MS);

  return {
    url,
    close: async () => {
      clearInterval(poll);
      clearInterval(sweep);
      const closed = http.close(); // from here on nobody new comes in
      await upgrades.close(DRAIN_MS);
      await closed;
      store.close();
    },
  };
}
