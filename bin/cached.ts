#!/usr/bin/env node
// What is installed as `agent.cjs`, `treewire.cjs` and `tree-thread.cjs`: runs the file of the same name in `code/`, which is
// compiled once for all runs (docs/architecture.md, "Start").
import { basename, join } from "node:path";
import { endSurely, loadCached } from "../src/util/index.js";

endSurely(); // before any code is taken or kept: both are for the flags of V8 that are set then
loadCached(join(import.meta.dirname, "code", basename(import.meta.filename)));
