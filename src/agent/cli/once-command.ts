import {
  type ComparisonRequest,
  comparedFields,
  filtersNotRun,
  omissionsOf,
  parseComparisonRequest,
  type RepositoryChange,
  type ServerMessage,
  secretsOf,
  unifiedDiff,
} from "../../protocol/index.js";
import {
  badArguments,
  type Colors,
  colorsFor,
  formatStat,
  paintDiff,
  printable,
  reportError,
  TreewireError,
} from "../../util/index.js";
import type { ComparedState, FilterPolicy, RawDiff, TreeState } from "../../worktree/index.js";
import { commitsOnce, resolveRoot, scanOnce, scanOnceRaw } from "../../worktree/index.js";
import type { SecretsPolicy } from "../trees/secrets-policy.js";
import { snapshotOf, type TreeSnapshot } from "../trees/snapshot.js";

/** What is printed: `commits` lists them, and no files. */
export const ONCE_FORMATS = ["diff", "json", "stat", "commits"] as const;
export type OnceFormat = (typeof ONCE_FORMATS)[number];

/** What the command line says of `agent --once`. */
export interface OnceArguments {
  /** Files or directories inside working trees; none: the current directory. */
  paths: readonly string[];
  format: OnceFormat;
  /** What the trees are compared with, as `--compare` has it. */
  compare: string;
  /** Leave with 1 if anything differs. */
  exitCode: boolean;
  /** Whose filters are run. */
  filters: FilterPolicy;
  /** What is hidden; absent: nothing is, as it is shown to its owner. */
  secrets?: SecretsPolicy | undefined;
}

export interface OnceOptions extends Pick<OnceArguments, "paths" | "format" | "filters" | "secrets"> {
  compare: ComparisonRequest;
  /** Takes what is to be said besides, in one line without its end. */
  onNote: (line: string) => void;
  /** What was found to be wrong with one of the paths; the others are shown all the same. */
  onError: (error: unknown) => void;
  output: Output;
}

/** Patches are printed together once they are so long: most are short, and each write is a call of the system. Bytes. */
const PRINTED_BYTES = 64 * 1024;

/** A stream such as standard output. */
export interface Output {
  isTTY?: boolean;
  columns?: number;
  write(chunk: string | Uint8Array, done: (error?: Error | null) => void): boolean;
}

/** The width of the table where there is no terminal to ask, as `git diff --stat` has it. */
const DEFAULT_COLUMNS = 80;

/**
 * `agent --once`, and `diff`.
 *
 * @param name of the program, for its errors
 * @param isGuess that here is no repository is thrown, and not reported: nobody has asked for it
 * @returns the exit status: 0, 1 if asked for and anything differs, or that of the last error
 */
export async function runOnceCommand(args: OnceArguments, name = "agent", isGuess = false): Promise<number> {
  const { paths, format, compare, exitCode, filters, secrets } = args;
  const request = parseComparisonRequest(compare);
  if (request === undefined) {
    throw badArguments(`--compare takes head, base, ref:NAME or commit:OID, not ${compare}`, name);
  }
  if (isGuess) await resolveRoot(".");
  let status = 0;
  const differs = await runOnce({
    paths: paths.length > 0 ? paths : ["."],
    format,
    compare: request,
    filters,
    secrets,
    output: process.stdout,
    onNote: (line) => process.stderr.write(`${name}: ${line}\n`),
    onError: (error) => {
      status = reportError(name, error);
    },
  });
  return status !== 0 ? status : Number(exitCode && differs);
}

/** The root of the working tree that holds a path; `undefined`: there is none yet, or it cannot be read. */
export function rootOf(path: string): Promise<string | undefined> {
  return resolveRoot(path).catch(() => undefined);
}

/** Scans the working trees that hold the paths, prints them, and is done. @returns whether anything differs */
export async function runOnce(options: OnceOptions): Promise<boolean> {
  const { paths, format, compare, filters, secrets, onError, output } = options;
  const attempt = async <T>(job: () => Promise<T>): Promise<T | undefined> =>
    job().catch((error) => void onError(error));
  const located = await Promise.all(paths.map((path) => attempt(() => resolveRoot(path))));
  const roots = [...new Set(located.filter((root) => root !== undefined))];
  const print = (chunk: string | Uint8Array) => write(output, chunk);
  const colors = colorsFor(output);
  const reading = { filters, onTrouble: onError, compare };

  if (format === "commits") {
    const printed = await inTurn(roots, (root) => attempt(() => printCommits(root, options, print)));
    return printed.includes(true);
  }
  if (format === "diff" && secrets === undefined) {
    const differ = await inTurn(roots, (root) =>
      attempt(async () => {
        const { diff, compared, report } = await scanOnceRaw(root, reading);
        checkCompared(root, compared, options);
        const differs = await printDiff(diff, print, output.isTTY ? colors : undefined);
        report();
        return differs;
      }),
    );
    return differ.includes(true);
  }
  const read = async (root: string): Promise<TreeState> => {
    const state = await scanOnce(root, reading);
    checkCompared(root, state.compared, options);
    const tree = await secrets?.forTree(root, compare.kind !== "commit");
    return tree?.filter(state).state ?? state;
  };
  const states = (await inTurn(roots, (root) => attempt(() => read(root)))).filter((state) => state !== undefined);
  if (format === "diff") {
    for (const { files } of states) {
      const text = unifiedDiff(files);
      await print(output.isTTY ? paintDiff(text, colors) : text);
    }
  } else if (format === "json") {
    await print(`${JSON.stringify(changesOf(states))}\n`);
  } else {
    for (const { root, files } of states) {
      if (roots.length > 1 && files.length > 0) await print(`${output.isTTY ? printable(root) : root}\n`);
      await print(formatStat(files, output.columns ?? DEFAULT_COLUMNS, colors));
    }
  }
  return states.some(({ files }) => files.length > 0);
}

/** Lists the commits of a comparison as `git log --format=oneline` does. @returns whether there are any */
async function printCommits(
  root: string,
  options: OnceOptions,
  print: (chunk: string) => Promise<void>,
): Promise<boolean> {
  const read = await commitsOnce(root, options.compare);
  checkCompared(root, read, options);
  const compared = (await options.secrets?.forTree(root))?.compared(read) ?? read;
  const isTTY = options.output.isTTY === true;
  for (const { oid, subject } of compared.commits) await print(`${oid} ${isTTY ? printable(subject) : subject}\n`);
  if (compared.isTruncated) options.onNote(`${root}: there are more commits than these`);
  return compared.commits.length > 0;
}

/**
 * Says why HEAD's diff is shown although something else was asked for.
 *
 * @throws TreewireError `TW_NO_SUCH_REVISION` where what was asked for by name is not there
 */
function checkCompared(root: string, compared: ComparedState | undefined, { compare, onNote }: OnceOptions): void {
  const reason = compared?.meta.reason;
  if (reason === undefined) return;
  const isMissing = compared?.problem === "no-such-ref" || compared?.problem === "no-such-commit";
  if (isMissing || compare.kind === "commit") {
    throw new TreewireError("TW_NO_SUCH_REVISION", root, { detail: reason });
  }
  onNote(`${root}: compared with HEAD (${reason})`);
}

/** @param colors for a terminal; without them the exact bytes are printed. @returns whether there were any */
async function printDiff(
  diff: RawDiff["diff"],
  print: (chunk: string | Uint8Array) => Promise<void>,
  colors: Colors | undefined,
): Promise<boolean> {
  let any = false;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  const printWaiting = async (): Promise<void> => {
    const [first] = waiting;
    const chunk = waiting.length === 1 && first !== undefined ? first : Buffer.concat(waiting); // one may be very long
    waiting = [];
    waitingBytes = 0;
    await print(colors === undefined ? chunk : paintDiff(Buffer.from(chunk).toString(), colors));
  };
  try {
    for await (const chunk of diff) {
      if (chunk.length === 0) continue;
      any = true;
      waiting.push(chunk);
      waitingBytes += chunk.length;
      if (waitingBytes >= PRINTED_BYTES) await printWaiting();
    }
  } finally {
    if (waiting.length > 0) await printWaiting();
  }
  return any;
}

/** The message with which a stream of these trees would begin (docs/protocol.md, "Stream messages"). */
function changesOf(states: readonly TreeState[]): ServerMessage {
  const oldest = Math.min(Date.now(), ...states.map(({ scannedAt }) => scannedAt));
  return {
    type: "changes",
    scanned_at: new Date(oldest).toISOString(),
    repositories: states.map((state) => repositoryOf(state.root, snapshotOf(state))),
  };
}

function repositoryOf(root: string, { meta, files }: TreeSnapshot): RepositoryChange {
  return {
    repo_root: root,
    branch: meta.branch,
    ...(meta.remote_origin !== "" && { remote_origin: meta.remote_origin }),
    unified_diff: unifiedDiff(files, meta.too_large_bytes),
    ...omissionsOf(files, meta.too_large_bytes),
    ...filtersNotRun(files),
    ...secretsOf(files),
    ...comparedFields(meta),
  };
}

function write(output: Output, chunk: string | Uint8Array): Promise<void> {
  if (chunk.length === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    output.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}

/** One after the other: each scan may take a lot of memory. */
async function inTurn<T, R>(items: readonly T[], job: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await job(item));
  return results;
}
