// Compiles into an empty dist/, so that a deleted source leaves no program or test behind that still runs.
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild-wasm";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
rmSync(here("dist"), { recursive: true, force: true });
execFileSync(process.execPath, [here("node_modules/typescript/bin/tsc"), "-p", here("tsconfig.json")], {
  stdio: "inherit",
});

// the core of the line diff is AssemblyScript: its WebAssembly goes into a module, so that a bundler takes it along
const wasm = here("dist/src/diff/core.wasm");
const asc = [here("node_modules/assemblyscript/bin/asc.js"), here("src/diff/core/index.ts"), "--outFile", wasm];
const options = ["-O3", "--noAssert", "--runtime", "stub", "--use", "abort=", "--initialMemory", "16"];
execFileSync(process.execPath, [...asc, ...options, "--enable", "simd"], { stdio: "inherit" });
const base64 = readFileSync(wasm).toString("base64");
writeFileSync(here("dist/src/diff/core-module.js"), `export const coreModule = "${base64}";\n`);
rmSync(wasm);

// each thread starts from one file: 70 modules, one after the other, take a thread longer than its first scan may
await build({
  entryPoints: ["worker", "check-worker"].map((name) => here(`dist/src/worktree/thread/${name}.js`)),
  outdir: here("dist/src/worktree/thread"),
  allowOverwrite: true,
  bundle: true,
  format: "esm",
  platform: "node",
  packages: "external",
  target: "node20",
  sourcemap: true,
  logLevel: "warning",
});

for (const program of ["agent", "relay", "start"]) chmodSync(here(`dist/bin/${program}.js`), 0o755);
