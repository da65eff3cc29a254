#!/usr/bin/env node
import { loadProgram } from "../src/util/index.js";

await loadProgram("relay", () => import("./relay-commands.js"));
