import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TreeState } from "../../src/worktree/index.js";
import type { Random } from "../support/random.js";
import { GIT_ENV, git } from "../support/repo.js";
import { FILE_OPERATIONS, GIT_OPERATIONS, type Operation, ROOT_OPERATIONS, RULE_OPERATIONS } from "./operations.js";

/** No script of a sequence takes longer, in milliseconds; one that does is ended and what it left counts. */
const SCRIPT_LIMIT_MS = 20_000;

/** A repository with some history to move about in: `main`, `other` (which conflicts with it) and `far`. */
export function makeTemplate(root: string): void {
  mkdirSync(root, { recursive: true });
  git(root, "init", "-q", "-b", "main");
  for (const [name, value] of [
    ["user.name", "Torture"],
    ["user.email", "torture@example.com"],
    ["gc.auto", "0"],
    ["advice.detachedHead", "false"],
  ] as const) {
    git(root, "config", name, value);
  }
  const write = (path: string, text: string): void => {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const body = (seed: string, lines: number): string =>
    Array.from({ length: lines }, (_, at) => `${seed} ${at % 7 === 0 ? "" : at} {`).join("\n");
  for (const dir of ["", "src/", "src/core/", "src/core/deep/er/", "lib/", "docs/", "docs/img/", "x y/"]) {
    for (const name of ["a.txt", "b.c", "main.js", "README.md"]) write(dir + name, `${body(dir + name, 20)}\n`);
  }
  git(root, "add", "-A");
  git(root, "commit", "-qm", "first");
  git(root, "checkout", "-q", "-b", "other");
  write("src/a.txt", "other side\n");
  write("lib/only-other", "1\n");
  git(root, "add", "-A");
  git(root, "commit", "-qm", "other");
  git(root, "checkout", "-q", "-b", "far", "main");
  git(root, "rm", "-rq", "docs", "lib");
  for (let at = 0; at < 60; at++) write(`generated/${at % 6}/file${at}`, body(`g${at}`, 5));
  git(root, "mv", "src/core", "core");
  git(root, "add", "-A");
  git(root, "commit", "-qm", "far");
  git(root, "checkout", "-q", "main");
  write("src/a.txt", "main side\n");
  git(root, "commit", "-qam", "main");
}

/**
 * The scripts of one sequence: each inner list runs at the same time.
 *
 * @param more operations that are drawn as often as those on files
 */
export function makeSequence(random: Random, more: readonly Operation[] = []): string[][] {
  const kinds = [
    ...Array<typeof FILE_OPERATIONS>(more.length > 0 ? 6 : 0).fill(more),
    ...Array<typeof FILE_OPERATIONS>(6).fill(FILE_OPERATIONS),
    ...Array<typeof FILE_OPERATIONS>(3).fill(GIT_OPERATIONS),
    RULE_OPERATIONS,
  ];
  const script = (): string => random.pick(random.pick(kinds))(random);
  const steps: string[][] = [];
  const length = random.below(23) + 3;
  for (let at = 0; at < length; at++) {
    if (random.chance(0.02)) steps.push([random.pick(ROOT_OPERATIONS)(random)]);
    else if (random.chance(0.25))
      steps.push(Array.from({ length: random.below(3) + 2 }, () => `${script()}; ${script()}`));
    else steps.push([script()]);
  }
  return steps;
}

/** Runs the scripts. @returns when all of their processes have ended */
export async function runSequence(steps: readonly string[][], root: string, out: string): Promise<void> {
  for (const step of steps) await Promise.all(step.map((script) => runScript(script, root, out)));
}

function runScript(script: string, root: string, out: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const env = { ...GIT_ENV, ROOT: root, OUT: out, GIT_EDITOR: "true", GIT_TERMINAL_PROMPT: "0" };
    const inRoot = `cd "$ROOT" 2>/dev/null || exit 0\n${script}`;
    const child = spawn("sh", ["-c", inRoot], { env, stdio: "ignore", cwd: out, timeout: SCRIPT_LIMIT_MS });
    child.on("error", reject);
    child.on("close", () => resolve());
  });
}

/** The text of a state as a viewer gets it. */
export function textOf(state: TreeState | undefined): string | undefined {
  return state?.files.map((file) => file.header + file.hunks).join("");
}

/** A digest of every file of a directory by path, so that a write by a reader would show. */
export function digestOf(directory: string): Map<string, string> {
  const digests = new Map<string, string>();
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    digests.set(path, createHash("sha1").update(readFileSync(path)).digest("hex"));
  }
  return digests;
}
