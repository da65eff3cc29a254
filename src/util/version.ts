import { readFileSync } from "node:fs";
import { packagePath } from "./package.js";

/** This package's version, as its `package.json` says. */
export const VERSION = (JSON.parse(readFileSync(packagePath("package.json"), "utf8")) as { version: string }).version;
