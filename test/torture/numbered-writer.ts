// A thread that writes into a repository, one numbered write after the other, and says of each slot which number has begun
// and which is finished. What a number leaves behind is decided by the number alone, so that it can be told what is shown.
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { Random } from "../support/random.js";
import { git } from "../support/repo.js";

/** What is written, each with its own numbers. */
export const SLOTS = ["t0", "t1", "t2", "u0", "d/u1", "box", "deep", "branch", "origin", "staged", "ignored"] as const;
export type Slot = (typeof SLOTS)[number];

/** The slots that are one file, whose content is its number. */
export const FILES: readonly Slot[] = ["t0", "t1", "t2", "u0", "d/u1"];

export interface WriterData {
  root: string;
  seed: number;
  /** For each slot the number that has begun, and behind these the number that is finished. */
  numbers: Int32Array;
}

/** Whether a number takes its file away. */
export function isGone(number: number): boolean {
  return number % 5 === 4;
}

/** The text of a file of this number. */
export function contentOf(slot: Slot, number: number): string {
  return `${slot} ${number}\n`;
}

function writeFile(root: string, slot: Slot, number: number, random: Random): void {
  const file = join(root, slot);
  if (isGone(number)) rmSync(file, { force: true });
  else if (random.chance(0.5)) writeFileSync(file, contentOf(slot, number));
  else {
    writeFileSync(join(root, ".git", "new file"), contentOf(slot, number));
    renameSync(join(root, ".git", "new file"), file);
  }
}

function write(root: string, slot: Slot, number: number, random: Random): void {
  switch (slot) {
    case "box":
      renameSync(join(root, `box${number - 1}`), join(root, `box${number}`));
      break;
    case "deep":
      mkdirSync(join(root, `deep${number}/a/b/c`), { recursive: true });
      writeFileSync(join(root, `deep${number}/a/b/c/f`), "deep\n");
      rmSync(join(root, `deep${number - 1}`), { recursive: true });
      break;
    case "branch":
      git(root, "branch", "-f", `b${number}`);
      git(root, "symbolic-ref", "HEAD", `refs/heads/b${number}`);
      break;
    case "origin":
      git(root, "config", "remote.origin.url", `https://example.com/${number}`);
      break;
    case "staged":
      if (number % 2 === 0) git(root, "add", "staged");
      else git(root, "rm", "-q", "--cached", "staged");
      break;
    case "ignored":
      writeFileSync(join(root, ".gitignore"), number % 2 === 0 ? "other\n" : "ignored\n");
      break;
    default:
      writeFile(root, slot, number, random);
  }
}

function pause(random: Random): void {
  if (random.chance(0.5)) return;
  const until = performance.now() + random.next() * 3;
  while (performance.now() < until); // a timer would not be so exact
}

if (parentPort !== null) {
  const port = parentPort;
  const { root, seed, numbers } = workerData as WriterData;
  const random = new Random(seed);
  // git takes a thousand times as long as a write
  const often = [...FILES, ...FILES, ...FILES, ...FILES, "box", "box", "deep", "deep", "ignored"] as const;
  port.on("message", (writes: number) => {
    for (let at = 0; at < writes; at++) {
      const slot: Slot = random.chance(0.07) ? random.pick(["branch", "origin", "staged"]) : random.pick(often);
      const place = SLOTS.indexOf(slot);
      const number = Atomics.add(numbers, place, 1) + 1;
      write(root, slot, number, random);
      Atomics.store(numbers, SLOTS.length + place, number);
      pause(random);
    }
    port.postMessage("done");
  });
}
