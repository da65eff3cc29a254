#!/usr/bin/env node
import { runRelay } from "../src/relay/index.js";

await runRelay(process.argv.slice(2));
