#!/usr/bin/env node
// `npm start [-- PATH]`: relay, agent and terminal client on one working tree, with everything made for the occasion.
import { runStart } from "../src/start/index.js";

await runStart(process.argv.slice(2));
