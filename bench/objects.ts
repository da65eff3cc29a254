import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Random } from "../test/support/random.js";
import { git } from "../test/support/repo.js";
import { makeBigPack } from "./support/big-pack.js";
import { median, milliseconds, progress, quantile, ratioText } from "./support/measure.js";
import type { ObjectFigures } from "./support/objects-program.js";
import type { Report } from "./support/publish.js";

/** Blobs that are read, at random from the whole pack. */
const READS = 100_000;
/** isomorphic-git is asked for these few: each read keeps what it inflated. */
const PEER_READS = 2_000;
const COLD_STARTS = 10;
const FIRST_GOAL_MS = 50;
const MEMORY_GOAL_MIB = 64;
const RATIO_GOAL = 3;
const MIB = 2 ** 20;

const program = fileURLToPath(new URL("support/objects-program.js", import.meta.url));

/**
 * The repository is made anew, which takes minutes, unless `TREEWIRE_BIG_PACK` names a directory: then it is kept there
 * for the next time.
 */
export async function benchmark(): Promise<Report> {
  const scratch = mkdtempSync(join(tmpdir(), "treewire-bench-"));
  try {
    const gitDir = process.env.TREEWIRE_BIG_PACK ?? join(scratch, "big.git");
    if (!existsSync(gitDir)) {
      const making = `${gitDir}.making`;
      await makeBigPack(making);
      renameSync(making, gitDir);
    }
    const oids = blobsOf(gitDir, READS);
    return await measure(gitDir, join(scratch, "ids"), oids);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

async function measure(gitDir: string, idFile: string, oids: readonly string[]): Promise<Report> {
  const run = (reader: string, ids: readonly string[]): ObjectFigures => {
    progress(`reading with ${reader}`);
    writeFileSync(idFile, ids.join("\n"));
    const output = execFileSync(process.execPath, [program, reader, gitDir, idFile], { maxBuffer: 2 ** 30 });
    return JSON.parse(output.toString()) as ObjectFigures;
  };
  run("ours", oids); // the file system has the pages then
  const cold = oids.slice(0, COLD_STARTS).map((oid) => run("ours", [oid]).firstMs);
  const ours = run("ours", oids);
  progress("reading with git cat-file");
  const gitTimes = await catFileTimes(gitDir, oids.slice(0, READS / 4));
  const peer = run("isomorphic-git", oids.slice(0, PEER_READS));
  progress("");

  const grown = (ours.memoryMost - ours.memoryBefore) / MIB;
  const slowest = Math.max(...cold);
  const ratio = median(ours.timesMs) / median(gitTimes);
  const row = (name: string, firstMs: string, times: readonly number[], figures?: ObjectFigures): string[] => [
    name,
    firstMs,
    milliseconds(median(times)),
    milliseconds(quantile(times, 0.99)),
    figures === undefined ? "" : `${Math.round((figures.memoryMost - figures.memoryBefore) / MIB)} MiB`,
    times.length.toLocaleString("en"),
  ];
  return {
    title: "Objects",
    method: `Blobs read at random from ${packOf(gitDir)}, three of four stored as deltas, made by \`git fast-import\`.
The file system has the pages. The first read counts from before a reader's modules are loaded, in a process that has
just started (for ours ${COLD_STARTS} times: the median is ${milliseconds(median(cold))}, the slowest stands in the table). \`git cat-file --batch\` is asked for one object at a time through its pipes, from Node.
Memory is what the resident set grew by, at most, from before the first read.`,
    tables: [
      {
        title: "Reading blobs",
        columns: [
          { head: "reader" },
          ...["first", "median", "p99", "memory", "reads"].map((head) => ({ head, align: "right" as const })),
        ],
        rows: [
          row("Treewire", milliseconds(slowest), ours.timesMs, ours),
          row("`git cat-file --batch`", "", gitTimes),
          row("isomorphic-git", milliseconds(peer.firstMs), peer.timesMs, peer),
        ],
      },
    ],
    goals: [
      {
        what: `first blob of a cold process, slowest of ${COLD_STARTS}`,
        goal: `at most ${FIRST_GOAL_MS} ms`,
        reached: `${milliseconds(slowest)} (median ${milliseconds(median(cold))})`,
        met: slowest <= FIRST_GOAL_MS,
      },
      {
        what: `growth of memory over ${READS.toLocaleString("en")} reads`,
        goal: `at most ${MEMORY_GOAL_MIB} MiB`,
        reached: `${Math.round(grown)} MiB`,
        met: grown <= MEMORY_GOAL_MIB,
      },
      {
        what: "median read, times that of `git cat-file --batch`",
        goal: `at most ${RATIO_GOAL}×`,
        reached: ratioText(ratio),
        met: ratio <= RATIO_GOAL,
      },
    ],
  };
}

function blobsOf(gitDir: string, count: number): string[] {
  const args = ["-C", gitDir, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)"];
  const lines = execFileSync("git", args, { maxBuffer: 2 ** 30 })
    .toString()
    .split("\n");
  const blobs = lines.filter((line) => line.startsWith("blob ")).map((line) => line.slice("blob ".length));
  const random = new Random(1);
  return Array.from({ length: count }, () => random.pick(blobs));
}

/** How large the pack is, in words. */
function packOf(gitDir: string): string {
  const directory = join(gitDir, "objects/pack");
  const pack = readdirSync(directory).find((name) => name.endsWith(".pack")) ?? "";
  const objects = Number(/in-pack: (\d+)/.exec(git(gitDir, "count-objects", "-v"))?.[1]);
  return `a pack of ${Math.round(statSync(join(directory, pack)).size / 1e6)} MB with ${objects.toLocaleString("en")} objects`;
}

/** The time from each question to the last byte of its answer, in milliseconds. */
async function catFileTimes(gitDir: string, oids: readonly string[]): Promise<number[]> {
  const child = spawn("git", ["-C", gitDir, "cat-file", "--batch"], { stdio: ["pipe", "pipe", "inherit"] });
  let received: Buffer[] = [];
  let length = 0;
  let wanted: number | undefined;
  let answered: () => void = () => undefined;
  child.stdout.on("data", (piece: Buffer) => {
    received.push(piece);
    length += piece.length;
    if (wanted === undefined) {
      const head = Buffer.concat(received);
      const end = head.indexOf("\n");
      if (end < 0) return;
      wanted = end + 2 + Number(head.toString("latin1", 0, end).split(" ")[2]);
    }
    if (length >= wanted) answered();
  });
  const times: number[] = [];
  for (const oid of oids) {
    const start = performance.now();
    const answer = new Promise<void>((resolve) => {
      answered = resolve;
    });
    child.stdin.write(`${oid}\n`);
    await answer;
    times.push(performance.now() - start);
    [received, length, wanted] = [[], 0, undefined];
  }
  child.stdin.end();
  return times;
}
