// The thread of a LookAhead. It judges what is covered, from the first directory on, until there is none left.
import { parentPort, workerData } from "node:worker_threads";
import { IndexTable } from "../git/index-table.js";
import { Judge } from "./judge.js";
import { type Assignment, Verdict } from "./look-ahead.js";

function work(root: string, { table, desk, paths, children, runEnds, runs }: Assignment): void {
  const { covered, verdicts, proofs } = desk;
  const judge = new Judge(root, IndexTable.of(table), proofs);
  for (const [at, path] of paths.split("\0").entries()) {
    for (let known = Atomics.load(covered, 0); at >= known; known = Atomics.load(covered, 0)) {
      Atomics.wait(covered, 0, known);
    }
    if (Atomics.compareExchange(verdicts, at, Verdict.open, Verdict.begun) !== Verdict.open) continue;
    const expected = { path, runs: runs.subarray(runEnds[at - 1] ?? 0, runEnds[at]), children: children[at] ?? 0 };
    Atomics.store(verdicts, at, judge.isAsIndexed(expected) ? Verdict.asIndexed : Verdict.other);
    Atomics.notify(verdicts, at);
  }
}

parentPort?.on("message", (assignment: Assignment) => work(workerData as string, assignment));
