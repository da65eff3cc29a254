import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { silentLogger } from "../../src/util/index.js";
import { type Tree, TreeHost, type TreeState } from "../../src/worktree/index.js";
import { expectedDiff } from "../support/git-oracle.js";
import { Random } from "../support/random.js";
import { git } from "../support/repo.js";
import { contentOf, FILES, isGone, SLOTS, type Slot, type WriterData } from "./numbered-writer.js";
import { textOf } from "./sequence.js";

/** Sequences that one repository goes through, one upon the other. */
export const SEQUENCES_PER_REPOSITORY = 8;
const MOST_WRITES = 80;
/** So many refreshes wait for their answer at a time. */
const AT_ONCE = 3;

/** What came of one sequence of writes with refreshes in between. */
export interface RefreshOutcome {
  seed: number;
  sequence: number;
  answers: number;
  /** Of these, the ones that were asked for while another write was under way. */
  amidWrites: number;
  /** Milliseconds from each question to its answer. */
  times: number[];
  /** What was wrong with answers, in words. */
  wrong: string[];
}

/**
 * Writes into repositories while refreshes are sent, and holds each answer to what was finished before it was sent. Nothing is
 * looked at behind the answers, nor by sweeps.
 */
export class RefreshTorture {
  readonly #scratch: string;
  readonly #host = new TreeHost({ logger: silentLogger(), watcher: "inotify", sweep: false });

  constructor(scratch: string) {
    this.#scratch = scratch;
  }

  /** One repository's sequences. */
  async *run(seed: number, sequences = SEQUENCES_PER_REPOSITORY): AsyncGenerator<RefreshOutcome> {
    const random = new Random(seed);
    const root = join(this.#scratch, `r${seed}`);
    makeRepository(root);
    const numbers = new Int32Array(new SharedArrayBuffer(8 * SLOTS.length));
    const writer = new Worker(new URL("./numbered-writer.js", import.meta.url), {
      workerData: { root, seed, numbers } satisfies WriterData,
    });
    const tree = this.#host.open(root);
    try {
      await tree.refresh();
      for (let sequence = 0; sequence < sequences; sequence++) {
        const outcome: RefreshOutcome = { seed, sequence, answers: 0, amidWrites: 0, times: [], wrong: [] };
        await runSequence(tree, writer, numbers, { random, outcome });
        const state = await tree.refresh();
        if (textOf(state) !== expectedDiff(root).toString()) outcome.wrong.push("the last answer is not git's");
        yield outcome;
      }
    } finally {
      tree.close();
      await writer.terminate();
      rmSync(root, { recursive: true, force: true, maxRetries: 5 });
    }
  }

  async close(): Promise<void> {
    await this.#host.close();
  }
}

async function runSequence(
  tree: Tree,
  writer: Worker,
  numbers: Int32Array,
  { random, outcome }: { random: Random; outcome: RefreshOutcome },
): Promise<void> {
  let isDone = false;
  const done = once(writer, "message").then(() => {
    isDone = true;
  });
  writer.postMessage(random.below(MOST_WRITES) + 10);
  const ask = async (): Promise<void> => {
    while (!isDone) {
      const pauseMs = random.next() * 4;
      await new Promise((resolve) => (random.chance(0.5) ? setImmediate(resolve) : setTimeout(resolve, pauseMs)));
      const finished = SLOTS.map((_, place) => Atomics.load(numbers, SLOTS.length + place));
      const isAmid = SLOTS.some((_, place) => Atomics.load(numbers, place) !== finished[place]);
      const began = performance.now();
      const state = await tree.refresh();
      outcome.times.push(performance.now() - began);
      outcome.answers += 1;
      if (isAmid) outcome.amidWrites += 1;
      for (const [place, slot] of SLOTS.entries()) {
        const least = finished[place] ?? 0;
        const most = Atomics.load(numbers, place);
        const shown = state === undefined ? "gone" : shownOf(state, slot);
        if (!isCovered(slot, shown, least, most)) {
          outcome.wrong.push(`${slot}: ${least} was finished and ${most} had begun, ${JSON.stringify(shown)} is shown`);
        }
      }
    }
  };
  await Promise.all([done, ...Array.from({ length: AT_ONCE }, ask)]);
}

function makeRepository(root: string): void {
  mkdirSync(join(root, "box0/inner"), { recursive: true });
  mkdirSync(join(root, "deep0/a/b/c"), { recursive: true });
  mkdirSync(join(root, "d"));
  git(root, "init", "-q", "-b", "b0");
  git(root, "config", "remote.origin.url", "https://example.com/0");
  for (const slot of FILES) writeFileSync(join(root, slot), contentOf(slot, 0));
  git(root, "add", "t0", "t1", "t2");
  git(root, "commit", "-qm", "first");
  const others = ["box0/inner/f", "deep0/a/b/c/f", "staged", "ignored", ".gitignore"];
  for (const path of others) writeFileSync(join(root, path), path === ".gitignore" ? "other\n" : "text\n");
  git(root, "add", "staged");
}

/** What a state says of a slot: numbers, `"gone"`, or `undefined` for what no number leaves behind. */
function shownOf(state: TreeState, slot: Slot): readonly number[] | "gone" | undefined {
  const find = (key: string) => state.files.find((file) => file.key === key);
  const numbered = (pattern: RegExp): number[] =>
    state.files.flatMap(({ path }) => {
      const number = pattern.exec(path)?.[1];
      return number === undefined ? [] : [Number(number)];
    });
  if (slot === "box") return numbered(/^box(\d+)\/inner\/f$/);
  if (slot === "deep") return numbered(/^deep(\d+)\/a\/b\/c\/f$/);
  if (slot === "branch") return [Number(state.branch.slice(1))];
  if (slot === "origin") return [Number(state.remoteOrigin.split("/").at(-1))];
  if (slot === "staged") return find("t:staged") ? [0] : find("u:staged") ? [1] : undefined;
  if (slot === "ignored") return [find("u:ignored") ? 0 : 1];
  const isTracked = slot.startsWith("t");
  const file = find(`${isTracked ? "t" : "u"}:${slot}`);
  if (file === undefined) return isTracked ? [0] : "gone";
  if (file.header.includes("deleted file mode")) return "gone";
  const number = /^\+\S+ (\d+)$/m.exec(file.hunks)?.[1];
  return number === undefined ? undefined : [Number(number)];
}

/** Whether what is shown covers a number that was finished, and is none that had not begun. */
function isCovered(slot: Slot, shown: ReturnType<typeof shownOf>, least: number, most: number): boolean {
  const isAmid = most > least;
  const range = Array.from({ length: most - least + 1 }, (_, at) => least + at);
  if (slot === "staged" || slot === "ignored") {
    return isAmid || (typeof shown === "object" && shown[0] === least % 2);
  }
  if (shown === "gone") return FILES.includes(slot) && range.some(isGone);
  if (shown === undefined || shown.length === 0) return isAmid; // half of a write
  return shown.every((number) => range.includes(number)) && (isAmid || shown.length === 1);
}
