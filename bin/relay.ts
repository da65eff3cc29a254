#!/usr/bin/env node
import { loadProgram } from "../src/util/index.js";

await loadProgram("relay", async () => (await import("./relay-commands.js")).run(process.argv.slice(2), "relay"));
