// `npm test [-- FOLDER...]`: runs the compiled tests, two files at a time, and ends with "N passed, N failed", tap's own
// count, and ", N skipped" where some are: each is listed with the reason. Not by tap's command: that makes every process,
// and every program that a test starts, load its coverage hooks, which doubles the time of all of it.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Lines of diagnosis that are shown of each failure. */
const DIAGNOSIS_LINES = 30;

const project = fileURLToPath(new URL("../../../", import.meta.url));
const wanted = process.argv.slice(2).map((name) => join("dist", name.replace(/^dist\//, "").replace(/\.ts$/, ".js")));
const files = readdirSync(join(project, "dist/test"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.js"))
  .map((name) => join("dist/test", name))
  .filter((name) => wanted.length === 0 || wanted.some((prefix) => name.startsWith(prefix)))
  .sort();

// tap generates its test class from .taprc's plugin list once; without it every file would load the default plugins
const built = spawnSync(join(project, "node_modules/.bin/tap"), ["build"], {
  cwd: project,
  stdio: ["ignore", "ignore", "inherit"],
});
const all = spawn(process.execPath, [join(project, "dist/test/support/all.js"), ...files], {
  cwd: project,
  env: { ...process.env, CACHE_DIRECTORY: "/nonexistent" }, // what is in the user's own cache decides nothing
  stdio: ["inherit", "pipe", "inherit"],
});
const ended = once(all, "close");
const lines: string[] = [];
for await (const line of createInterface(all.stdout)) {
  lines.push(line);
  if (/^(not )?ok /.test(line)) process.stdout.write(`${line.replace(/ \{$/, "")}\n`);
}
const [status] = await ended;

for (const [at, line] of lines.entries()) {
  if (!/^\s+not ok /.test(line) || lines[at + 1]?.trim() !== "---") continue;
  const end = lines.findIndex((each, index) => index > at && each.trim() === "...");
  process.stdout.write(`${lines.slice(at, Math.min(end, at + DIAGNOSIS_LINES)).join("\n")}\n`);
}
for (const line of lines) {
  const [, name, reason] = /^\s+ok \d+ - (.*) # SKIP ?(.*)$/.exec(line) ?? [];
  if (name !== undefined) process.stdout.write(`skipped: ${name}: ${reason || "no reason given"}\n`);
}
const counts = lines.findLast((line) => /^# \{ total: .*\}$/.test(line)) ?? "";
const count = (name: string): number => Number(new RegExp(`\\b${name}: (\\d+)`).exec(counts)?.[1] ?? 0);
const failed = count("fail");
const skipped = count("skip") === 0 ? "" : `, ${count("skip")} skipped`;
process.stdout.write(`${files.length} files in ${Math.round(performance.now() / 1000)} s\n`);
process.stdout.write(`${count("pass")} passed, ${failed} failed${skipped}\n`);
const ok = built.status === 0 && status === 0 && failed === 0 && count("pass") > 0;
process.exitCode = ok ? 0 : 1;
