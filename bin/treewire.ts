#!/usr/bin/env node
// One program for all: `treewire agent`, `treewire relay`, `treewire watch`, `treewire diff`, and `treewire PATH`.
import { runTreewire } from "../src/start/index.js";
import { loadProgram } from "../src/util/index.js";

await loadProgram("treewire", () =>
  runTreewire(process.argv.slice(2), {
    agent: async (args, name) => (await import("../src/agent/index.js")).runAgent(args, name),
    relay: async (args, name) => (await import("./relay-commands.js")).run(args, name),
  }),
);
