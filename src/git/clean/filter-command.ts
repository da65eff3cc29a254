import { spawn } from "node:child_process";
import { messageOf } from "../../util/index.js";
import type { BytePath } from "../io/byte-path.js";
import { textOfBytes } from "../io/byte-path.js";
import { type CleanFilter, filterFailed } from "./clean-filter.js";
import { abandon, type FilterLimits, tooMuchOutput } from "./filter-limits.js";

/** Where a command is run, and what it may cost. */
export interface RunOptions {
  /** The top of the working tree. */
  readonly root: string;
  readonly limits: FilterLimits;
}

/**
 * Runs a filter's `clean` command as git does: by the shell, at the top of the working tree, `%f` standing for the
 * quoted path. Rules: <https://git-scm.com/docs/gitattributes#_filter>.
 *
 * @param input descriptor of the file, which the command reads: unlike a socket, it can be opened as `/dev/stdin`
 * @returns the output, or `undefined` when the command failed and is not required: git then takes the file as it is
 * @throws TreewireError `TW_FILTER_FAILED` when it failed and is required, when it could not be started, or when it went
 *   over a limit: git has no limits, so that nobody knows what it would have made of the file
 */
export async function runCleanCommand(
  filter: Extract<CleanFilter, { kind: "command" }>,
  path: BytePath,
  input: number,
  options: RunOptions,
): Promise<Buffer | undefined> {
  const command = filter.command.replaceAll(/%(.)/g, (all, letter) =>
    letter === "f" ? shellQuote(textOfBytes(path)) : letter === "%" ? "%" : all,
  );
  let outcome: Outcome;
  try {
    outcome = await runShell(command, input, options);
  } catch (thrown) {
    throw filterFailed(path, filter.name, messageOf(thrown), thrown); // the command is longer than the system takes
  }
  if (outcome.kind === "done") return outcome.output;
  if (outcome.kind === "abandoned" || filter.required) throw filterFailed(path, filter.name, outcome.detail);
  return undefined;
}

type Outcome =
  | { kind: "done"; output: Buffer }
  /** It ended by itself, and not well. */
  | { kind: "failed"; detail: string }
  /** It is not known how it would have ended. */
  | { kind: "abandoned"; detail: string };

function runShell(command: string, input: number, { root, limits }: RunOptions): Promise<Outcome> {
  return new Promise((resolve) => {
    // A group of its own, so that a limit ends what the command started, too.
    const child = spawn("/bin/sh", ["-c", command], {
      cwd: root,
      detached: true,
      stdio: [input, "pipe", "ignore"],
    });
    const pieces: Buffer[] = [];
    let size = 0;
    const end = (outcome: Outcome): void => {
      clearTimeout(timer);
      if (outcome.kind === "abandoned") {
        pieces.length = 0;
        abandon(child);
      }
      resolve(outcome);
    };
    // The pipe's end is not waited for: it comes when the last process that has inherited it ends.
    const late = `not done after ${limits.timeMs} ms`;
    const timer = setTimeout(() => end({ kind: "abandoned", detail: late }), limits.timeMs);
    // There is none when the process table or that of open files is full.
    child.stdout?.on("data", (piece: Buffer) => {
      size += piece.length;
      if (size > limits.outputBytes) end({ kind: "abandoned", detail: tooMuchOutput(limits) });
      else pieces.push(piece);
    });
    child.once("error", (error) => end({ kind: "abandoned", detail: error.message }));
    child.once("close", (status, signal) => {
      if (status === 0) return end({ kind: "done", output: Buffer.concat(pieces) });
      end({ kind: "failed", detail: signal === null ? `exit status ${status}` : `ended by ${signal}` });
    });
  });
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
