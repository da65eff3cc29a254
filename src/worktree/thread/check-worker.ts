// The thread of a CheckThread. It checks what is covered, from the first directory on, until there is none left.
import { parentPort, workerData } from "node:worker_threads";
import { IndexTable } from "../../git/index.js";
import { type Assignment, CheckState } from "../scan/check-thread.js";
import { DirectoryCheck } from "../scan/directory-check.js";
import { KnownListings } from "../scan/known-listings.js";

function work(root: string, { table, progress, paths, children, runEnds, runs }: Assignment): void {
  const { covered, states, unchangedEntries, listings } = progress;
  const known = listings && new KnownListings(listings);
  const check = new DirectoryCheck(root, IndexTable.of(table), unchangedEntries, known);
  for (const [at, path] of paths.split("\0").entries()) {
    for (let ready = Atomics.load(covered, 0); at >= ready; ready = Atomics.load(covered, 0)) {
      Atomics.wait(covered, 0, ready);
    }
    if (Atomics.compareExchange(states, at, CheckState.pending, CheckState.claimed) !== CheckState.pending) continue;
    const expected = { at, path, runs: runs.subarray(runEnds[at - 1] ?? 0, runEnds[at]), children: children[at] ?? 0 };
    Atomics.store(states, at, check.isUnchanged(expected) ? CheckState.unchanged : CheckState.changed);
    Atomics.notify(states, at);
  }
}

parentPort?.on("message", (assignment: Assignment) => work(workerData as string, assignment));
