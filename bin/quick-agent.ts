// The program `agent` as it is installed. The build makes one CommonJS file of it, `code/agent.cjs`, which starts sooner than a
// module (docs/architecture.md, "Start"), and which `agent.cjs` runs.
import { runAgentQuickly } from "../src/agent/index.js";
import { loadProgram } from "../src/util/index.js";

void loadProgram("agent", () => runAgentQuickly(process.argv.slice(2), () => import("./agent.js")));
