import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import t from "tap";
import { tempDir } from "../../support/temp.js";

const heap = new URL("../../../src/util/v8/heap.js", import.meta.url).href;
/** Says whether something that nobody holds was collected 7 s after the start of a thread that does nothing. */
const IDLE = `
  import { parentPort, Worker } from "node:worker_threads";
  import { collectOnceStarted, keepHeapSmall } from ${JSON.stringify(heap)};
  const isMain = parentPort === null;
  if (isMain && process.argv[2] === "small") keepHeapSmall();
  const held = new WeakRef({});
  collectOnceStarted();
  if (isMain) new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) });
  setTimeout(() => console.log(isMain ? "main" : "thread", held.deref() === undefined ? "collected" : "held"), 7_000);
`;

t.test("an idle program is collected once in each thread, where its heap is to be kept small", async (t) => {
  const program = join(tempDir(t), "idle.mjs");
  writeFileSync(program, IDLE);
  const run = promisify(execFile);
  const [small, usual] = await Promise.all(["small", "usual"].map((how) => run(process.execPath, [program, how])));
  const linesOf = (stdout = "") => stdout.trim().split("\n").sort();
  t.same([linesOf(small?.stdout), small?.stderr], [["main collected", "thread collected"], ""]);
  t.same([linesOf(usual?.stdout), usual?.stderr], [["main held", "thread held"], ""]);
});
