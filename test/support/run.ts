// `npm test [-- FOLDER...]`: runs the compiled tests with tap and ends with "N passed, N failed", tap's own count.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Lines of diagnosis that are shown of each failure. */
const DIAGNOSIS_LINES = 30;

const project = fileURLToPath(new URL("../../../", import.meta.url));
const tap = join(project, "node_modules/.bin/tap");
const wanted = process.argv.slice(2).map((name) => join("dist", name.replace(/^dist\//, "").replace(/\.ts$/, ".js")));
const files = readdirSync(join(project, "dist/test"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.js"))
  .map((name) => join("dist/test", name))
  .filter((name) => wanted.length === 0 || wanted.some((prefix) => name.startsWith(prefix)))
  .sort();

const scratch = mkdtempSync(join(tmpdir(), "treewire-test-"));
try {
  const output = join(scratch, "tests.tap");
  // tap generates its test class from .taprc's plugin list once; without it every file would load the default plugins
  const built = spawnSync(tap, ["build"], { cwd: project, stdio: ["ignore", "ignore", "inherit"] });
  const reporter = process.stdout.isTTY ? "base" : "silent";
  const args = ["run", "--jobs=2", "--timeout=300", `--reporter=${reporter}`, `--output-file=${output}`, ...files];
  const run = spawnSync(tap, args, { cwd: project, stdio: "inherit" });

  const lines = readFileSync(output, "utf8").split("\n");
  if (!process.stdout.isTTY) process.stdout.write(summary(lines));
  const counts = lines.findLast((line) => /^# \{ total: .*\}$/.test(line)) ?? "";
  const count = (name: string): number => Number(new RegExp(`\\b${name}: (\\d+)`).exec(counts)?.[1] ?? 0);
  const failed = count("fail");
  process.stdout.write(`${count("pass")} passed, ${failed} failed\n`);
  const ok = built.status === 0 && run.status === 0 && failed === 0 && count("pass") > 0;
  process.exitCode = ok ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** A line for each file, and the diagnosis of each failed assertion, out of tap's whole output. */
function summary(lines: readonly string[]): string {
  const shown: string[] = [];
  for (const [at, line] of lines.entries()) {
    if (/^(not )?ok /.test(line)) shown.push(line);
    else if (/^\s+not ok /.test(line) && lines[at + 1]?.trim() === "---") {
      const end = lines.findIndex((each, index) => index > at && each.trim() === "...");
      shown.push(...lines.slice(at, Math.min(end, at + DIAGNOSIS_LINES)));
    }
  }
  return `${shown.join("\n")}\n`;
}
