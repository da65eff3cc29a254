// A relay among others as a process of its own: `node relay-process.js DATA_DIR NATS_URL`. Its first line is its URL.
import { startRelay } from "../../../../src/relay/index.js";
import { silentLogger } from "../../../../src/util/index.js";

const [dataDir = "", server = ""] = process.argv.slice(2);
const relay = await startRelay({ dataDir, port: 0, log: silentLogger(), lingerMs: 0, nats: { servers: [server] } });
process.stdout.write(`${relay.url}\n`);
