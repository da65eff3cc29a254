import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../../src/util/index.js";
import { TreeHost, type WatcherKind } from "../../src/worktree/index.js";
import { expectedDiff } from "../support/git-oracle.js";
import { Random } from "../support/random.js";
import { followedBy } from "../support/watchers.js";
import { ChainedRepository, makeChainTemplate } from "./name-chains.js";
import { textOf } from "./sequence.js";

/** A state that is not right so long after the allowed time will not be without help, in milliseconds. */
const PATIENCE_MS = 10_000;
/** Operations on one repository, each followed by a look at what is shown. */
const OPERATIONS = 4;

/** What came of one chain. */
export interface ChainOutcome {
  verdict: "right" | "late" | "wrong";
  /** The longest time from the end of an operation until the state was right, in milliseconds. */
  ms: number;
  /** Operations after which git has an answer, and which changed it. */
  changes: number;
  /** The operations, and what there is to say of the last one when it is wrong. */
  report: string;
}

/** Follows repositories whose settings, refs and git directories are found through chains, without help. */
export class NameTorture {
  readonly #scratch: string;
  readonly #host: TreeHost;
  readonly #template: string;
  readonly #allowedMs: number;

  /** @param allowedMs how long after an operation a state may be wrong */
  constructor(scratch: string, allowedMs: number, watcher: WatcherKind = "inotify") {
    this.#host = new TreeHost({ logger: silentLogger(), ...followedBy(watcher) });
    this.#scratch = scratch;
    this.#allowedMs = allowedMs;
    this.#template = join(scratch, "template");
    makeChainTemplate(this.#template);
  }

  /** Makes one repository, and takes its chain apart step by step. */
  async run(seed: number): Promise<ChainOutcome> {
    const random = new Random(seed);
    const dir = join(this.#scratch, `c${seed}`);
    mkdirSync(dir);
    const copy = (from: string, to: string): void => cpSync(from, to, { recursive: true, verbatimSymlinks: true });
    const repository = new ChainedRepository(random, this.#template, dir, copy);
    const tree = this.#host.open(repository.root);
    const outcome: ChainOutcome = { verdict: "right", ms: 0, changes: 0, report: "" };
    try {
      let before = gitsAnswer(repository.root);
      await rightAfter(() => textOf(tree.state) === before, before === undefined ? 0 : PATIENCE_MS);
      for (let at = 0; at < OPERATIONS; at++) {
        outcome.report += `${repository.operate()}\n`;
        const endedAt = Date.now();
        const expected = gitsAnswer(repository.root);
        if (expected === undefined) continue; // git itself says that this is no repository
        const isRight = await rightAfter(() => textOf(tree.state) === expected, PATIENCE_MS + this.#allowedMs);
        // by when it was read: meanwhile this thread has waited for git
        const ms = Math.max(0, (tree.state?.scannedAt ?? Date.now()) - endedAt);
        outcome.ms = Math.max(outcome.ms, ms);
        if (expected !== before) outcome.changes += 1;
        before = expected;
        if (isRight && ms > this.#allowedMs) outcome.verdict = "late";
        if (isRight) continue;
        outcome.report += `expected:\n${expected}\ngot:\n${textOf(tree.state) ?? "(gone)"}`;
        return { ...outcome, verdict: "wrong" };
      }
      return outcome;
    } finally {
      tree.close();
      if (outcome.verdict === "right" || process.env.KEEP === undefined) rmSync(dir, { recursive: true, force: true });
    }
  }

  close(): Promise<void> {
    return this.#host.close();
  }
}

/** Waits until something holds. @returns whether it did in time */
async function rightAfter(isRight: () => boolean, patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  while (!isRight()) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return true;
}

function gitsAnswer(root: string): string | undefined {
  try {
    return expectedDiff(root).toString("utf8");
  } catch (error) {
    if (error instanceof Error && "status" in error) return undefined;
    throw error;
  }
}
