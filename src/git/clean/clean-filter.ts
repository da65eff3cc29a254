import { spawn } from "node:child_process";
import { systemCode, TreewireError } from "../../util/index.js";
import type { Config } from "../config/config.js";
import type { BytePath } from "../io/byte-path.js";
import { textOfBytes } from "../io/byte-path.js";
import type { AttributeValue } from "../rules/attributes.js";

/**
 * What `filter=<driver>` means for a file. The command always comes from configuration: an attributes file, which
 * anybody may commit, only names the driver.
 */
export type CleanFilter =
  /** Git LFS's own filter, whose pointers are computed here. */
  | { kind: "lfs" }
  /** A command that is run once for each file. */
  | { kind: "command"; name: string; command: string; required: boolean }
  /** A program that is started once and asked file by file. */
  | { kind: "process"; name: string; command: string; required: boolean }
  /** Required, and not configured: git can't read the file, and neither can we. */
  | { kind: "missing"; name: string };

/** What a filter may print, in bytes. */
const OUTPUT_MAX_BYTES = 256 * 2 ** 20;

/** @returns `undefined` when nothing is to be run: then the content is taken as it is */
export function cleanFilter(value: AttributeValue | undefined, config: Config): CleanFilter | undefined {
  if (typeof value !== "string" || value === "") return undefined;
  const name = textOfBytes(value);
  const required = config.boolean(`filter.${name}.required`, false);
  const process = config.get(`filter.${name}.process`);
  const clean = config.get(`filter.${name}.clean`);
  const command = process ?? clean;
  if (command !== undefined && /^git[- ]lfs(\s|$)/.test(command) && config.names("lfs.extension.").length === 0) {
    return { kind: "lfs" };
  }
  if (process) return { kind: "process", name, command: process, required };
  if (process === undefined && clean) return { kind: "command", name, command: clean, required };
  return required ? { kind: "missing", name } : undefined;
}

/** An error for people about a file whose filter did not do its work. */
export function filterFailed(path: BytePath, name: string, detail: string, cause?: unknown): TreewireError {
  return new TreewireError("TW_FILTER_FAILED", textOfBytes(path), { detail: `filter "${name}": ${detail}`, cause });
}

/**
 * Runs a filter's `clean` command as git does: by the shell, at the top of the working tree, `%f` standing for the
 * quoted path. Rules: <https://git-scm.com/docs/gitattributes#_filter>.
 *
 * @param input descriptor of the file, which the command reads: unlike a socket, it can be opened as `/dev/stdin`
 * @param timeLimitMs after which the command and what it started are killed
 * @returns the output, or `undefined` when the command failed and is not required: git then takes the file as it is
 * @throws TreewireError `TW_FILTER_FAILED` when it took too long, or failed and is required
 */
export async function runCleanCommand(
  filter: Extract<CleanFilter, { kind: "command" }>,
  path: BytePath,
  input: number,
  options: { root: string; timeLimitMs: number },
): Promise<Buffer | undefined> {
  const command = filter.command.replaceAll(/%(.)/g, (all, letter) =>
    letter === "f" ? shellQuote(textOfBytes(path)) : letter === "%" ? "%" : all,
  );
  const outcome = await runShell(command, input, options);
  if (outcome.kind === "done") return outcome.output;
  if (outcome.kind === "late") throw filterFailed(path, filter.name, `not done after ${options.timeLimitMs} ms`);
  if (filter.required) throw filterFailed(path, filter.name, outcome.detail);
  return undefined;
}

type Outcome = { kind: "done"; output: Buffer } | { kind: "late" } | { kind: "failed"; detail: string };

function runShell(command: string, input: number, options: { root: string; timeLimitMs: number }): Promise<Outcome> {
  return new Promise((resolve) => {
    // A group of its own, so that the time limit ends what the command started, too.
    const child = spawn("/bin/sh", ["-c", command], {
      cwd: options.root,
      detached: true,
      stdio: [input, "pipe", "ignore"],
    });
    const pieces: Buffer[] = [];
    let size = 0;
    let ended: Outcome | undefined;
    const end = (outcome: Outcome): void => {
      ended ??= outcome;
      if (child.pid !== undefined) killGroup(child.pid);
    };
    const timer = setTimeout(() => end({ kind: "late" }), options.timeLimitMs);
    child.stdout?.on("data", (piece: Buffer) => {
      pieces.push(piece);
      size += piece.length;
      if (size > OUTPUT_MAX_BYTES) end({ kind: "failed", detail: "prints more than 256 MiB" });
    });
    child.once("error", (error) => end({ kind: "failed", detail: error.message }));
    child.once("close", (status, signal) => {
      clearTimeout(timer);
      const detail = signal === null ? `exit status ${status}` : `ended by ${signal}`;
      resolve(ended ?? (status === 0 ? { kind: "done", output: Buffer.concat(pieces) } : { kind: "failed", detail }));
    });
  });
}

/** Ends a program that was started `detached`, and what it started. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (thrown) {
    // The program may have ended by itself meanwhile.
    if (systemCode(thrown) !== "ESRCH") throw thrown;
  }
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
