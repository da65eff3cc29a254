#!/usr/bin/env node
import { runAgent } from "../src/agent/index.js";

await runAgent(process.argv.slice(2));
