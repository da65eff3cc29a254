#!/usr/bin/env node
import { runRelay } from "../src/relay/cli/index.js";

await runRelay(process.argv.slice(2));
