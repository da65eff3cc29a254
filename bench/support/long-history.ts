import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Random } from "../../test/support/random.js";
import { git } from "../../test/support/repo.js";
import { progress } from "./measure.js";

/** On the main branch; every tenth merges one that branched off up to thirty commits before. */
export const COMMITS = 100_000;
/** Makes a pack of about 250 MB: each commit writes one file of random text. */
const RANDOM_BYTES = 1700;
const START = 1_600_000_000;
/** Written at once. */
const BATCH = 200;

/** A branch of twenty commits, and how many commits the main branch has since. */
export const BRANCHES: Readonly<Record<string, number>> = { "500": 500, "10,000": 10_000, "99,000": 99_000 };
const BRANCH_COMMITS = 20;
/** Files that each commit of a branch adds. */
const BRANCH_FILES = 15;

/** Makes a repository with one pack and a long history, by `git fast-import`: `main`, and the branches `behind-N`. */
export async function makeLongHistory(root: string): Promise<void> {
  git(".", "init", "-q", "-b", "main", root);
  const settings = ["-c", "core.compression=1", "-c", "fastimport.unpackLimit=0"];
  const child = spawn("git", ["-C", root, ...settings, "fast-import", "--quiet", "--depth=5"], {
    stdio: ["pipe", "inherit", "inherit"],
  });
  const closed = once(child, "close");
  const random = new Random(1);
  let pieces: string[] = [];
  for (let at = 1; at <= COMMITS; at += 1) {
    pieces.push(mainCommit(at, random));
    if (at % BATCH !== 0) continue;
    progress(`making a history: ${Math.round((100 * at) / COMMITS)} %`);
    if (!child.stdin.write(pieces.join(""))) await once(child.stdin, "drain");
    pieces = [];
  }
  for (const apart of Object.values(BRANCHES)) pieces.push(branch(apart));
  child.stdin.end(pieces.join(""));
  const [status]: unknown[] = await closed;
  progress("");
  if (status !== 0) throw new Error(`git fast-import left with ${status}`);
}

function mainCommit(at: number, random: Random): string {
  const message = `Change number ${at}\n\n${"It says why it was made, in some words. ".repeat(1 + random.below(6))}\n`;
  const parent = at > 1 ? `from :${at - 1}\n` : "";
  const merged = at > 40 && at % 10 === 0 ? `merge :${at - 2 - random.below(30)}\n` : "";
  const content = randomBytes(RANDOM_BYTES).toString("base64");
  const file = `M 100644 inline d${at % 40}/e${at % 37}/f${at % 300}\ndata ${content.length}\n${content}\n`;
  return `${head("main", START + at * 60, message)}${parent}${merged}${file}\n`.replace("\n", `\nmark :${at}\n`);
}

function branch(apart: number): string {
  return Array.from({ length: BRANCH_COMMITS }, (_, at) => {
    const from = at === 0 ? `from :${COMMITS - apart}\n` : "";
    const text = "a line that the branch has\n".repeat(40);
    const files = Array.from(
      { length: BRANCH_FILES },
      (_, file) => `M 100644 inline branch/${at}/${file}\ndata ${text.length}\n${text}\n`,
    );
    return `${head(`behind-${apart}`, START + COMMITS * 60 + at, `On the branch: ${at}\n`)}${from}${files.join("")}\n`;
  }).join("");
}

function head(branch: string, date: number, message: string): string {
  const who = `A U Thor <author${date % 50}@example.com> ${date} +0000`;
  return `commit refs/heads/${branch}\nauthor ${who}\ncommitter ${who}\ndata ${message.length}\n${message}\n`;
}
