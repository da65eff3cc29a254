import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FileChanges, TreeFile } from "../src/protocol/index.js";
import { LineScanner, loadPreset, PathRules, SecretsFilter } from "../src/secrets/index.js";
import { packagePath, silentLogger } from "../src/util/index.js";
import { TreeHost, type TreeState } from "../src/worktree/index.js";
import { median, milliseconds, progress } from "./support/measure.js";
import type { Report } from "./support/publish.js";

/** Sources are taken from the packages that are installed here, until a state is as large as it may be. */
const STATE_BYTES = 3 * 1024 * 1024;
const MIN_FILE_BYTES = 1_000;
const MAX_FILE_BYTES = 200_000;
const STATES = 12;
const WARM_UP_EDITS = 50;
const EDITS = 200;
const HOSTILE_UNITS = 10 * 1024 * 1024;

const GOAL_STATE_MS = 100;
const GOAL_EDIT_SHARE = 0.05;
const GOAL_SPANS_PER_20_MIB = 1;

/** User and system time of this process that a call takes, in milliseconds: other programs do not count. */
function cpuOf(run: () => unknown): number {
  const start = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** A new file's patch. */
function added(path: string, text: string): TreeFile {
  const lines = text.endsWith("\n") ? text.slice(0, -1).split("\n") : text.split("\n");
  return {
    key: `u:${path}`,
    path,
    header: `diff --git a/${path} b/${path}\nnew file mode 100644\nindex ${"0".repeat(40)}..${"1".repeat(40)}\n--- /dev/null\n+++ b/${path}\n`,
    // in one piece, as what is read from a disk
    hunks: Buffer.from(`@@ -0,0 +1,${lines.length} @@\n${lines.map((line) => `+${line}\n`).join("")}`).toString(
      "latin1",
    ),
    additions: lines.length,
    deletions: 0,
    omitted_bytes: 0,
  };
}

/** States of real sources, of 3 MiB each. Secretlint's own are examples of secrets. */
function statesOfPackages(): TreeFile[][] {
  const top = packagePath("node_modules");
  const states: TreeFile[][] = [];
  let state: TreeFile[] = [];
  let bytes = 0;
  for (const name of readdirSync(top, { recursive: true, encoding: "utf8" }).sort()) {
    if (!/\.(?:[cm]?[jt]s|json|md|css|html|c|h|py|sh|ya?ml)$/.test(name) || name.includes("secretlint")) continue;
    let text: string;
    try {
      text = readFileSync(join(top, name), "utf8");
    } catch {
      continue; // a directory of such a name
    }
    if (text.length < MIN_FILE_BYTES || text.length > MAX_FILE_BYTES || text.includes("\0")) continue;
    state.push(added(name, text));
    bytes += text.length;
    if (bytes < STATE_BYTES) continue;
    states.push(state);
    if (states.length === STATES) break;
    [state, bytes] = [[], 0];
  }
  return states;
}

/** What edits of a followed tree cost, all threads of this process together, and what filtering their states does. */
async function costOfEdits(filter: SecretsFilter): Promise<{ edits: number; filtered: number }> {
  const root = mkdtempSync(join(tmpdir(), "treewire-bench-"));
  const git = (...args: string[]) => execFileSync("git", ["-C", root, ...args], { stdio: "ignore" });
  const host = new TreeHost({ logger: silentLogger(), sweep: false });
  try {
    cpSync(packagePath("src"), join(root, "src"), { recursive: true });
    git("init", "-q");
    git("add", "-A");
    git("-c", "user.name=bench", "-c", "user.email=bench@example.com", "commit", "-qm", "one");
    const names = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter((name) =>
      /\.ts$/.test(name),
    );
    const seen: { state: TreeState; changes: FileChanges | undefined }[] = [];
    const tree = host.open(root);
    tree.on("state", (state, changes) => void seen.push({ state, changes }));
    await tree.refresh();
    const edit = async (round: number) => {
      const name = join(root, "src", names[round % names.length] ?? "");
      const text = readFileSync(name, "utf8");
      const at = text.indexOf("\n", text.length >>> 1) + 1;
      writeFileSync(name, `${text.slice(0, at)}an edited line, ${round}\n${text.slice(at)}`);
      await tree.refresh();
    };
    for (let round = 0; round < WARM_UP_EDITS; round += 1) await edit(round);
    for (const { state, changes } of seen) filter.update(state.files, changes);
    seen.length = 0;
    const start = process.cpuUsage();
    for (let round = 0; round < EDITS; round += 1) await edit(round);
    const { user, system } = process.cpuUsage(start);
    const filtered = cpuOf(() => {
      for (const { state, changes } of seen) filter.update(state.files, changes);
    });
    return { edits: (user + system) / 1000 / EDITS, filtered: filtered / EDITS };
  } finally {
    await host.close();
    rmSync(root, { recursive: true });
  }
}

/** What hiding secrets costs, and how often it hides what is none. */
export async function benchmark(): Promise<Report> {
  const loading = performance.now();
  const scanner = new LineScanner((await loadPreset()).keywords);
  scanner.warmUp();
  const loaded = performance.now() - loading;
  const rules = new PathRules({ allow: [], deny: [] });
  const newFilter = () => new SecretsFilter({ scanner, rules, key: new Uint8Array(32), now: () => performance.now() });
  progress("reading packages");
  const states = statesOfPackages();
  let masked = 0;
  let withheld = 0;
  let bytes = 0;
  const times = states.map((state) => {
    const filter = newFilter();
    let files: readonly TreeFile[] = [];
    const time = cpuOf(() => {
      files = filter.update(state).files;
    });
    for (const file of files) masked += file.masked ?? 0;
    withheld += files.filter((file) => file.withheld !== undefined).length;
    for (const { hunks } of state) bytes += hunks.length;
    return time;
  });
  const hostile = ["sk-", "https://a:", "npm_1a2b3c ", "xoxb-"].map((part) => {
    const file = added("hostile.txt", part.repeat(Math.ceil(HOSTILE_UNITS / part.length)));
    return { part, time: cpuOf(() => newFilter().update([file])) };
  });
  const slowestLine = Math.max(...hostile.map(({ time }) => time));
  const { edits, filtered } = await costOfEdits(newFilter());
  const mebibytes = bytes / 2 ** 20;
  const spans = (masked / mebibytes) * 20;
  const share = filtered / edits;
  const right = (head: string) => ({ head, align: "right" }) as const;
  return {
    title: "Secrets",
    method:
      "What the filter of [secrets.md](secrets.md) costs in time of the processor. States are made of the sources of the " +
      "packages that this project is built with, each file as a new one. Edits add a line in the middle of a source of this " +
      "project, in a tree that is followed; their states are then filtered as an agent does it.",
    tables: [
      {
        title: "Whole states of 3 MiB, and lines of 10 MiB that were made to take long",
        columns: [{ head: "what" }, right("first"), right("median"), right("most")],
        rows: [
          [
            `${states.length} states of sources`,
            milliseconds(times[0] ?? Number.NaN),
            milliseconds(median(times)),
            milliseconds(Math.max(...times)),
          ],
          ...hostile.map(({ part, time }) => [`\`${part}\`, again and again`, milliseconds(time), "", ""]),
          ["loading the rules, once", milliseconds(loaded), "", ""],
        ],
      },
    ],
    goals: [
      {
        what: "a whole state of 3 MiB, the slowest",
        goal: `≤ ${GOAL_STATE_MS} ms`,
        reached: milliseconds(Math.max(...times)),
        met: Math.max(...times) <= GOAL_STATE_MS,
      },
      {
        what: "a line of 10 MiB, the slowest",
        goal: `≤ ${GOAL_STATE_MS} ms`,
        reached: milliseconds(slowestLine),
        met: slowestLine <= GOAL_STATE_MS,
      },
      {
        what: `an edit (${milliseconds(filtered)}), of what it costs to notice and diff it (${milliseconds(edits)})`,
        goal: `≤ ${GOAL_EDIT_SHARE * 100} %`,
        reached: `${(share * 100).toFixed(1)} %`,
        met: share <= GOAL_EDIT_SHARE,
      },
      {
        what: `masked in 20 MiB of packages' sources (${masked} in ${mebibytes.toFixed(0)} MiB; ${withheld} files withheld)`,
        goal: `≤ ${GOAL_SPANS_PER_20_MIB}`,
        reached: spans.toFixed(2),
        met: spans <= GOAL_SPANS_PER_20_MIB,
      },
    ],
  };
}
