// The peer of the benchmark of trees: how the best-known workspace agent finds a tree's diff. Whenever something may have
// changed, and for each client that is connected, it starts a git process for every question, one after the other, and
// another for every untracked file.
//
//   node dist/bench/support/peer-scan.js ROOT RUNS     prints {"median_ms": …} of so many scans
import { spawn } from "node:child_process";
import { once } from "node:events";
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { median } from "./measure.js";

/** What the program prints. */
export interface PeerTimes {
  median_ms: number;
}

/** Asks git one question. @returns its exit status, and standard output as the peer holds it, in memory */
async function ask(root: string, ...args: string[]): Promise<{ status: number | null; output: Buffer }> {
  const git = spawn("git", ["-C", root, ...args], { cwd: root, stdio: ["ignore", "pipe", "ignore"] });
  const chunks: Buffer[] = [];
  git.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(git, "close");
  return { status: git.exitCode, output: Buffer.concat(chunks) };
}

/** One scan of a working tree. @returns the length of the diff in bytes */
export async function peerScan(root: string): Promise<number> {
  await ask(root, "rev-parse", "--git-dir");
  await ask(root, "symbolic-ref", "--short", "HEAD");
  await ask(root, "config", "--get", "remote.origin.url");
  const isBorn = (await ask(root, "rev-parse", "HEAD")).status === 0;
  let bytes = isBorn ? (await ask(root, "diff", "HEAD")).output.length : 0;
  const untracked = (await ask(root, "ls-files", "--others", "--exclude-standard")).output.toString();
  for (const path of untracked.split("\n")) {
    if (path !== "") bytes += (await ask(root, "diff", "--no-index", "--", "/dev/null", path)).output.length;
  }
  return bytes;
}

const [, program, root, runs = "1"] = process.argv;
if (program !== undefined && realpathSync(program) === realpathSync(fileURLToPath(import.meta.url))) {
  if (root === undefined) throw new Error("usage: peer-scan.js ROOT RUNS");
  const times: number[] = [];
  for (let run = 0; run < Number(runs); run += 1) {
    const began = performance.now();
    await peerScan(root);
    times.push(performance.now() - began);
  }
  const result: PeerTimes = { median_ms: median(times) };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
