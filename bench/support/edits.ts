import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../../test/support/random.js";
import type { FollowedProcess } from "./followed.js";

/** What edits cost a process that follows a tree. */
export interface EditCost {
  /** From each write until the state is told. */
  timesMs: number[];
  /** User and system time of the process in all of them. */
  cpuMs: number;
}

/**
 * Edits of files that are drawn, and each taken back, while the tree is quiet.
 *
 * @param paths of files in the tree @param edits how many, an even number @param say told how far it is
 */
export async function measureEdits(
  followed: FollowedProcess,
  root: string,
  paths: readonly string[],
  { edits, random, say = () => undefined }: { edits: number; random: Random; say?: (what: string) => void },
): Promise<EditCost> {
  const timesMs: number[] = [];
  const before = await followed.usage();
  for (let at = 0; at < edits; at += 2) {
    say(`edit ${at} of ${edits}`);
    const path = join(root, random.pick(paths));
    const content = readFileSync(path);
    for (const change of [() => appendFileSync(path, "one more line\n"), () => writeFileSync(path, content)]) {
      await rest(60 + random.below(80)); // the tree is quiet
      const told = followed.state();
      const began = performance.now();
      change();
      await told;
      timesMs.push(performance.now() - began);
    }
  }
  const after = await followed.usage();
  return { timesMs, cpuMs: after.cpuMs - before.cpuMs };
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
