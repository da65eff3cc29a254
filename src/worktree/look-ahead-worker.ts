// The thread of a LookAhead. It answers what it has been asked, in order; what can't be looked at stays unanswered.
import { parentPort, workerData } from "node:worker_threads";
import { systemCode } from "../util/errors.js";
import { FileRecords } from "./file-record.js";
import { DENIED, lookAt } from "./look.js";
import { BatchState, HEADER_BYTES, type Question } from "./look-ahead.js";
import { joinPath, nativePath } from "./paths.js";

function answer(root: string, { answers, text }: Question): void {
  const state = new Int32Array(answers, 0, 1);
  if (Atomics.compareExchange(state, 0, BatchState.asked, BatchState.begun) !== BatchState.asked) return;
  const records = new FileRecords(new Float64Array(answers, HEADER_BYTES));
  let row = 0;
  for (const part of text.split("\0\0")) {
    const [directory = "/", ...names] = part.split("\0");
    for (const name of names) {
      try {
        const stats = lookAt(nativePath(root, joinPath(directory.slice(1), name)));
        if (stats !== undefined && stats !== DENIED) records.record(row, stats);
      } catch (error) {
        if (systemCode(error) === undefined) throw error; // who asked looks again, and has the error to tell
      }
      row++;
    }
  }
  Atomics.store(state, 0, BatchState.done);
  Atomics.notify(state, 0);
}

parentPort?.on("message", (question: Question) => answer(workerData as string, question));
