#!/usr/bin/env node
import { runRelayCli } from "../src/relay/cli.js";

process.exitCode = await runRelayCli(process.argv.slice(2));
