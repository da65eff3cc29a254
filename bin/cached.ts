#!/usr/bin/env node
// What is installed as `agent.cjs`, `treewire.cjs` and `tree-thread.cjs`: runs the file of the same name in `code/`, which is
// compiled once for all runs (docs/architecture.md, "Start").
import { basename, join } from "node:path";
import { loadCached } from "../src/util/index.js";

loadCached(join(import.meta.dirname, "code", basename(import.meta.filename)));
