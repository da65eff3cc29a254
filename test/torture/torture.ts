import { cpSync, type FSWatcher, mkdirSync, rmSync, watch } from "node:fs";
import { join } from "node:path";
import type { ComparisonRequest } from "../../src/protocol/index.js";
import { silentLogger } from "../../src/util/index.js";
import { scanOnce, type Tree, TreeHost, type TreeState, type WatcherKind } from "../../src/worktree/index.js";
import { expectedDiff, type OracleOptions } from "../support/git-oracle.js";
import { Random } from "../support/random.js";
import { git } from "../support/repo.js";
import { followedBy } from "../support/watchers.js";
import { FilteredTree } from "./filtered-tree.js";
import { SECRET_OPERATIONS } from "./secret-operations.js";
import { digestOf, makeSequence, makeTemplate, runSequence, textOf } from "./sequence.js";

/** Sequences that one repository goes through, one upon the other. */
export const SEQUENCES_PER_REPOSITORY = 8;

/** A state that is not right so long after the allowed time will not be without help, in milliseconds. */
const PATIENCE_MS = 10_000;

/** What came of one sequence. */
export interface Outcome {
  seed: number;
  sequence: number;
  /**
   * `late`: right by itself, but after the allowed time. `refused`: git itself has no answer, because the sequence left
   * a `.git` that it stumbles over. `stale`: git takes a changed file for unchanged, because its index was told the new
   * file's stat data with the old content; where it has to look at the files, in a copy, it answers as we do.
   */
  verdict: "right" | "late" | "wrong" | "refused" | "stale";
  /** From the end of the last operation until the state was right, in milliseconds. */
  ms: number;
  /** What there is to say of a wrong one. */
  report: string;
  /** Files of `.git` that a look at everything did not leave as they were, and locks that were seen in it meanwhile. */
  written: string[];
}

export interface TortureOptions {
  /** Where events come from. Default: inotify. */
  watcher?: WatcherKind;
  /** Asks by a refresh as soon as a sequence has ended: the answer must be right, whatever is right later. */
  asks?: boolean;
  /** Secrets are among what is written, and what hides them is judged, too. */
  withSecrets?: boolean;
  /** The branch's base is what trees are compared with, and refs of a remote move besides. */
  compares?: boolean;
}

/** Runs sequences on repositories in a scratch directory, each followed without help; see {@link followedBy}. */
export class Torture {
  readonly #scratch: string;
  readonly #host: TreeHost;
  /** Looks at everything, which a refresh of a tree that has events does not. */
  readonly #looker: TreeHost;
  readonly #asks: boolean;
  readonly #template: string;
  readonly #allowedMs: number;
  readonly #withSecrets: boolean;
  readonly #compare: ComparisonRequest;

  /** @param allowedMs how long after the last operation a state may be wrong */
  constructor(
    scratch: string,
    allowedMs: number,
    { watcher = "inotify", asks = false, withSecrets = false, compares = false }: TortureOptions = {},
  ) {
    const options = { logger: silentLogger(), maxPatchBytes: 2 ** 31, keptPatchBytes: 2 ** 31 };
    this.#host = new TreeHost({ ...options, ...followedBy(watcher) });
    this.#looker = new TreeHost({ ...options, watcher: "poll", sweep: false });
    this.#asks = asks;
    this.#withSecrets = withSecrets;
    this.#compare = { kind: compares ? "base" : "head" };
    this.#scratch = scratch;
    this.#allowedMs = allowedMs;
    this.#template = join(scratch, "template");
    makeTemplate(this.#template);
  }

  /** One repository's sequences. What comes after a wrong or refused one would say the same again and is left out. */
  async *run(seed: number, sequences = SEQUENCES_PER_REPOSITORY): AsyncGenerator<Outcome> {
    const random = new Random(seed);
    const top = join(this.#scratch, `r${seed}`);
    const root = join(top, "tree");
    const out = join(top, "out");
    mkdirSync(out, { recursive: true });
    cpSync(this.#template, root, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    const tree = this.#open(this.#host, root);
    const filtered = this.#withSecrets ? new FilteredTree(tree, root) : undefined;
    const troubles: string[] = [];
    tree.on("trouble", ({ message }) => troubles.push(message));
    try {
      await tree.refresh();
      for (let sequence = 0; sequence < sequences; sequence++) {
        const steps = makeSequence(random, this.#withSecrets ? SECRET_OPERATIONS : []);
        if (this.#compares) steps.splice(random.below(steps.length), 0, [moveRemote(random)]);
        await runSequence(steps, root, out);
        const settled = this.#asks ? await this.#ask(tree) : await this.#settle(root, () => textOf(tree.state));
        const { ms, expected, got } = settled;
        let { verdict } = settled;
        let report = "";
        if (verdict === "wrong" && this.#gitsAnswer(root, { inCopy: true }) === got) verdict = "stale";
        if (verdict === "wrong") {
          const cold = textOf(await scanOnce(root, { compare: this.#compare })) === expected;
          const healed = textOf(await tree.refresh()) === expected;
          const looked = textOf(await this.#look(root)) === expected;
          report = [
            ...steps.map((step) => `  ${step.join("  ||  ")}`),
            firstDifference(expected, got),
            `a cold scan is ${cold ? "right" : "wrong"}, a refresh ${healed ? "heals" : "does not heal"}, a look at everything is ${looked ? "right" : "wrong"}`,
            ...troubles,
          ].join("\n");
        }
        const leak = verdict === "right" || verdict === "late" ? filtered?.difference(tree.state?.files ?? []) : "";
        if (leak) {
          verdict = "wrong";
          report = [...steps.map((step) => `  ${step.join("  ||  ")}`), leak].join("\n");
        }
        const gitDirectory = new Witness(join(root, ".git"));
        await this.#look(root);
        yield { seed, sequence, verdict, ms, report, written: gitDirectory.close() };
        if (verdict === "wrong" || verdict === "refused" || verdict === "stale") return;
      }
    } finally {
      tree.close();
      rmSync(top, { recursive: true, force: true, maxRetries: 5 });
    }
  }

  get #compares(): boolean {
    return this.#compare.kind !== "head";
  }

  #open(host: TreeHost, root: string): Tree {
    return host.open(root, this.#compares ? { request: this.#compare } : undefined);
  }

  #gitsAnswer(root: string, options: OracleOptions = {}): string | undefined {
    const base = this.#compares ? baseOf(root) : undefined;
    return gitsAnswer(root, base === undefined ? options : { ...options, base });
  }

  async close(): Promise<void> {
    await this.#host.close();
    await this.#looker.close();
  }

  /** Looks at everything as a followed tree does: to open it, and once more for the refresh. */
  async #look(root: string): Promise<TreeState | undefined> {
    const tree = this.#open(this.#looker, root);
    const state = await tree.refresh();
    tree.close();
    return state;
  }

  /** Asks by a refresh, while nothing is written. */
  async #ask(tree: Tree): Promise<Settled> {
    const began = performance.now();
    const got = textOf(await tree.refresh());
    const ms = Math.round(performance.now() - began);
    const expected = this.#gitsAnswer(tree.root);
    if (expected === undefined) return { verdict: "refused", ms, expected: "", got };
    return { verdict: got === expected ? "right" : "wrong", ms, expected, got };
  }

  /** Waits for the state to be git's; the oracle's own time does not count as long as the state is right meanwhile. */
  async #settle(root: string, text: () => string | undefined): Promise<Settled> {
    const began = performance.now();
    const seen: { at: number; text: string | undefined }[] = [];
    const timer = setInterval(() => {
      const now = text();
      if (seen.at(-1)?.text !== now) seen.push({ at: performance.now() - began, text: now });
    }, 2);
    await pause(20);
    const expected = this.#gitsAnswer(root);
    const patience = PATIENCE_MS + this.#allowedMs;
    while (expected !== undefined && performance.now() - began < patience && text() !== expected) await pause(5);
    clearInterval(timer);
    const got = text();
    const ms = Math.round(seen.findLast((each) => each.text === expected)?.at ?? performance.now() - began);
    if (expected === undefined) return { verdict: "refused", ms, expected: "", got };
    if (got !== expected) return { verdict: "wrong", ms, expected, got };
    return { verdict: ms <= this.#allowedMs ? "right" : "late", ms, expected, got };
  }
}

interface Settled {
  verdict: Outcome["verdict"];
  ms: number;
  expected: string;
  got: string | undefined;
}

/** Sees whether anything is written into a git directory between its making and its end. */
class Witness {
  readonly #directory: string;
  readonly #before: Map<string, string>;
  readonly #watcher: FSWatcher;
  readonly #locks = new Set<string>();

  constructor(directory: string) {
    this.#directory = directory;
    this.#watcher = watch(directory, (_, name) => {
      if (name?.endsWith(".lock")) this.#locks.add(name);
    });
    this.#before = digestOf(directory);
  }

  /** @returns what was written, and locks that were seen */
  close(): string[] {
    this.#watcher.close();
    const after = digestOf(this.#directory);
    const paths = new Set([...this.#before.keys(), ...after.keys()]);
    return [...this.#locks, ...[...paths].filter((path) => this.#before.get(path) !== after.get(path))];
  }
}

function gitsAnswer(root: string, options: OracleOptions = {}): string | undefined {
  try {
    return expectedDiff(root, options).toString("utf8");
  } catch (error) {
    if (error instanceof Error && "status" in error) return undefined;
    throw error;
  }
}

function firstDifference(expected: string, got: string | undefined): string {
  const want = expected.split("\n");
  const have = (got ?? "(gone)").split("\n");
  const at = want.findIndex((line, index) => line !== have[index]);
  const from = Math.max(0, (at < 0 ? want.length : at) - 3);
  return `expected:\n${want.slice(from, from + 12).join("\n")}\ngot:\n${have.slice(from, from + 12).join("\n")}`;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The base of the branch by git; `undefined`: there is none, and HEAD's diff is right. */
function baseOf(root: string): string | undefined {
  const ask = (...args: string[]): string | undefined => {
    try {
      return git(root, ...args);
    } catch {
      return undefined;
    }
  };
  if (ask("symbolic-ref", "-q", "HEAD") === "refs/heads/main") return undefined; // the default branch, without upstream
  const ref = ["refs/remotes/origin/main", "refs/heads/main"].find((name) => ask("rev-parse", "-q", "--verify", name));
  return ref && ask("merge-base", "HEAD", ref);
}

/** What a fetch does to the refs of a remote: its main branch moves. */
function moveRemote(random: Random): string {
  return `git update-ref refs/remotes/origin/main ${random.pick(["main", "other", "far", "HEAD", "main~1"])}`;
}
