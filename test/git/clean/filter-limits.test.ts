import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { CleanFilter } from "../../../src/git/clean/clean-filter.js";
import { FileCleaner } from "../../../src/git/clean/file-cleaner.js";
import type { FilterLimits } from "../../../src/git/clean/filter-limits.js";
import { SHA1 } from "../../../src/git/objects/object-id.js";
import { systemCode } from "../../../src/util/index.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";

const KINDS = ["command", "process"] as const;

/** A directory with files `one` and `two`, and a cleaner whose every file has the filter. */
function cleanerOf(t: Cleanup, filter: CleanFilter, limits: Partial<FilterLimits>) {
  const root = tempDir(t);
  for (const name of ["one", "two"]) writeFileSync(join(root, name), `${name}\n`);
  const cleaner = new FileCleaner({
    root,
    format: SHA1,
    bigFileThresholdBytes: 1e9,
    filterLimits: { timeMs: 60_000, outputBytes: 1e9, ...limits },
    conversion: () => ({ filter, encoding: undefined, lineEndings: "keep", ident: false }),
    readBlob: () => new Uint8Array(),
  });
  return (name: string) => cleaner.clean(name, lstatSync(join(root, name)), undefined);
}

/** The pipes and sockets that this process has open. */
function pipes(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return /^(pipe|socket):/.test(target) ? [target] : [];
    } catch {
      return []; // the descriptor of the listing itself
    }
  });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== "ESRCH";
  }
}

for (const kind of KINDS) {
  t.test(`a ${kind}'s time limit holds although a child of another session keeps its output open`, async (t) => {
    const file = join(tempDir(t), "pid");
    const pid = () => (existsSync(file) ? Number(readFileSync(file, "utf8")) || undefined : undefined);
    t.teardown(() => {
      const left = pid();
      if (left !== undefined && isRunning(left)) process.kill(left);
    });
    // the program itself is done when the other one has begun
    const print = kind === "command" ? "cat" : "cat >/dev/null";
    const command = `setsid sh -c 'echo $$ > ${file}; exec sleep 1000' & while [ ! -s ${file} ]; do :; done; ${print}`;
    const clean = cleanerOf(t, { kind, name: "held", command, required: false }, { timeMs: 500 });
    const before = pipes();
    await t.rejects(clean("one"), { code: "TW_FILTER_FAILED", message: /"held": not done after 500 ms/ });
    const other = await until("the other session's process has begun", pid);
    t.ok(isRunning(other), "it is out of reach, and was not waited for");
    const stray = () => pipes().filter((pipe) => !before.includes(pipe));
    await until("no pipe is left open", () => stray().length === 0, { seen: stray });
  });

  t.test(`a ${kind} that prints without end is ended, and what it printed is no content`, async (t) => {
    const mark = join(tempDir(t), "mark");
    const command = `yes ${mark} 0009`;
    const flood = kind === "command" ? command : "yes 0009abcd0009abcd0009abcd | tr -d '\\n'";
    const clean = cleanerOf(t, { kind, name: "flood", command: flood, required: false }, { outputBytes: 1e6 });
    await t.rejects(clean("one"), { code: "TW_FILTER_FAILED", message: /prints more than 1000000 bytes/ });
    await until("nothing of it runs", () => !execFileSync("ps", ["-eo", "args"]).toString().includes(mark));
  });

  t.test(`a ${kind} that can't be started gives an error, and no content`, async (t) => {
    const clean = cleanerOf(t, { kind, name: "x", command: `: ${"x".repeat(4 * 2 ** 20)}`, required: false }, {});
    await t.rejects(clean("one"), { code: "TW_FILTER_FAILED" });
  });
}

t.test("packets of one byte count for what they cost in memory", async (t) => {
  const limit = 32 * 2 ** 20;
  const command = "yes 0005x | tr -d '\\n'";
  const clean = cleanerOf(t, { kind: "process", name: "crumbs", command, required: true }, { outputBytes: limit });
  const before = process.memoryUsage().rss;
  await t.rejects(clean("one"), { message: /prints more than/ });
  t.ok(process.memoryUsage().rss - before < 4 * limit, "not thirty times as much");
});

t.test("the end of a long-running filter that was late is not taken for that of its successor", async (t) => {
  const program = join(tempDir(t), "filter.sh");
  // Speaks the protocol: hangs at the file `one`, and gives all others back as `new`.
  writeFileSync(
    program,
    `flush() { printf 0000; }
line() { printf '%04x%s\\n' $((\${#1} + 5)) "$1"; }
read_list() { while :; do length=$(dd bs=1 count=4 2>/dev/null); [ "$length" = 0000 ] && return; [ -z "$length" ] && exit
  last=$(dd bs=1 count=$((0x$length - 4)) 2>/dev/null); done; }
read_list; line git-filter-server; line version=2; flush
read_list; line capability=clean; flush
while :; do
  read_list; [ "$last" = pathname=one ] && sleep 1000
  read_list; line status=success; flush; line new; flush; flush
done
`,
  );
  const filter: CleanFilter = { kind: "process", name: "slow", command: `sh ${program}`, required: true };
  const clean = cleanerOf(t, filter, { timeMs: 1500 });
  const late = clean("one");
  const next = clean("two");
  await t.rejects(late, { message: /not done after 1500 ms/ });
  t.equal(Buffer.from((await next).content()).toString(), "new\n");
});
