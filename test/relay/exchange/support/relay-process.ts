// A relay among others as a process of its own: `node --expose-gc relay-process.js DATA_DIR NATS_URL...`. Its first line is its
// URL; whoever sends it a message is told how much it holds, in bytes after a collection.
import { startRelay } from "../../../../src/relay/index.js";
import { silentLogger } from "../../../../src/util/index.js";

const [dataDir = "", ...servers] = process.argv.slice(2);
const relay = await startRelay({ dataDir, port: 0, log: silentLogger(), lingerMs: 0, nats: { servers } });
process.on("message", () => {
  globalThis.gc?.();
  process.send?.(process.memoryUsage().heapUsed);
});
process.on("disconnect", () => process.exit()); // whoever started it is gone
process.stdout.write(`${relay.url}\n`);
