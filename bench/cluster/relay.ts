// A relay's process in the cluster benchmark: `node relay.js DATA_DIR [NATS_URL]`.
import { startRelay } from "../../src/relay/index.js";
import { silentLogger } from "../../src/util/index.js";
import { clockMs } from "../relay/messages.js";
import { serve, tell } from "../relay/part.js";
import type { FromRelay, ToRelay } from "./messages.js";

// one token plays all clients: its rates would be measured, and not the relay
const UNLIMITED = 1_000_000_000;
const limits = {
  requestsPerAddress: UNLIMITED,
  requestsPerToken: UNLIMITED,
  socketsPerToken: UNLIMITED,
  clientMessagesPerSecond: UNLIMITED,
  clientBytesPerSecond: UNLIMITED,
};

const [dataDir = "", nats] = process.argv.slice(2);
const relay = await startRelay({
  ...{ dataDir, port: 0, log: silentLogger(), limits },
  ...(nats !== undefined && { nats: { servers: [nats] } }),
});
process.on("SIGTERM", () => void relay.close().then(() => process.exit()));
tell<FromRelay>({ kind: "listening", url: relay.url.replace("http", "ws") });
serve<ToRelay, FromRelay>((order) => {
  if (order.kind === "block") {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, order.ms); // it stands still, and takes nobody's processor
    return { kind: "went on", at: clockMs() };
  }
  const { user, system } = process.cpuUsage();
  return { kind: "cpu", ms: (user + system) / 1000 };
});
