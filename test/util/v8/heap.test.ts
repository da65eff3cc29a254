import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
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
  for (const [how, found] of [
    ["small", "collected"],
    ["usual", "held"],
  ] as const) {
    const { stdout, stderr } = spawnSync(process.execPath, [program, how], { encoding: "utf8" });
    t.same([stdout.trim().split("\n").sort(), stderr], [[`main ${found}`, `thread ${found}`], ""]);
  }
});
