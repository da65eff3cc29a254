// Compiles into an empty dist/, so that a deleted source leaves no program or test behind that still runs.
import { execFileSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
rmSync(here("dist"), { recursive: true, force: true });
execFileSync(process.execPath, [here("node_modules/typescript/bin/tsc"), "-p", here("tsconfig.json")], {
  stdio: "inherit",
});
for (const program of ["agent", "relay", "start"]) chmodSync(here(`dist/bin/${program}.js`), 0o755);
