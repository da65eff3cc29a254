#!/usr/bin/env node
// The program `agent` as it is installed. The build makes one CommonJS file of it, `agent.cjs`, which starts sooner than a
// module (docs/architecture.md, "Start").
import { runAgentQuickly } from "../src/agent/index.js";
import { loadProgram } from "../src/util/index.js";

const rest = {
  daemon: async (given: Readonly<Record<string, unknown>>) => (await import("./daemon.js")).run(given, "agent"),
  whole: () => import("./agent.js"),
};

void loadProgram("agent", () => runAgentQuickly(process.argv.slice(2), rest));
