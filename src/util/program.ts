import { messageOf, systemCode, TreewireError } from "./errors.js";
import { standardLines } from "./log/standard-streams.js";
import { endSurely } from "./v8/heap.js";

/** The status of a program that met an error nobody foresaw (EX_SOFTWARE of sysexits.h). */
const UNFORESEEN = 70;

/** With fewer, a program may not even be able to read its own parts at once. */
const LEAST_OPEN_FILES = 256;

/** How long a program that has done its work waits for whoever reads its output. Milliseconds. */
const PRINT_MS = 500;

/**
 * Runs a program to its end and leaves with its status. An error for people is one line on standard error; one that
 * nobody foresaw keeps its stack.
 *
 * @param name the program's
 * @param main resolves with the exit status, 0 to 255
 */
export async function runProgram(name: string, main: () => Promise<number>): Promise<never> {
  endSurely();
  // whoever reads the output may stop early (`| head`): that is no failure, and nothing more is to be said
  process.stdout.on("error", (cause) => {
    const detail = systemCode(cause) ?? messageOf(cause);
    if (detail === "EPIPE") process.exit(0);
    process.exit(reportError(name, new TreewireError("TW_OUTPUT", "standard output", { detail, cause })));
  });
  endWithParent();
  let status: number;
  try {
    requireWorkingDirectory();
    status = await main();
  } catch (error) {
    status = reportError(name, error);
  }
  await printed();
  process.exit(status);
}

/** A program that was started with a channel belongs to whoever started it, and ends with them, however they end. */
function endWithParent(): void {
  if (!process.connected) return;
  process.channel?.unref();
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
}

/**
 * Takes a link with a secret out of what other users see of this process (`ps`, `/proc/PID/cmdline`): its title is written
 * over the arguments.
 *
 * @param name that stands there instead
 */
export function hideLink(args: readonly string[], name: string): void {
  if (args.some((word) => /#(?:agent-|view-|token=)/.test(word))) process.title = name;
}

/** Lets what was printed be written, or fail: only then is it known that a disk is full. A reader who has stopped is left. */
function printed(): Promise<void> {
  return new Promise((resolve) => {
    const done = () => setImmediate(resolve); // a stream's error comes just after
    if (process.stdout.writableLength === 0) return done();
    setTimeout(resolve, PRINT_MS);
    process.stdout.write("", done);
  });
}

/**
 * Loads the module that runs a program: where not even its parts can be read, that is one line as well.
 *
 * @param name the program's
 */
export async function loadProgram(name: string, load: () => Promise<unknown>): Promise<void> {
  try {
    await load();
  } catch (error) {
    process.exit(reportError(name, error));
  }
}

/** Libraries ask for the working directory wherever they take a path, and so do we: without one, nothing works. */
function requireWorkingDirectory(): void {
  try {
    process.cwd();
  } catch (error) {
    throw new TreewireError("TW_NO_DIRECTORY", "the working directory", {
      detail: systemCode(error) ?? "",
      cause: error,
    });
  }
}

/** Writes one line about an error to standard error. @returns the exit status that goes with it */
export function reportError(name: string, thrown: unknown): number {
  const error = outOfFiles(thrown) ?? thrown;
  if (error instanceof TreewireError) {
    // an error about the program as a whole begins with its name already
    const said = error.subject === name ? error.message : `${name}: ${error.message}`;
    standardLines(2).write(`${said}\n`);
    return error.exitStatus;
  }
  const said = error instanceof Error ? (error.stack ?? error.message) : error;
  standardLines(2).write(`${name}: unexpected: ${said}\n`);
  return UNFORESEEN;
}

/** The error of a program that may not open another file, whatever it was that needed one: a module, a thread, a socket. */
function outOfFiles(thrown: unknown): TreewireError | undefined {
  if (thrown instanceof TreewireError) return undefined;
  // Node takes a package whose manifest it may not open for one that is not there
  const isMissing = systemCode(thrown) === "ERR_MODULE_NOT_FOUND" && openFilesLimit() < LEAST_OPEN_FILES;
  const code = isMissing ? "EMFILE" : /\bE[MN]FILE\b/.exec(`${systemCode(thrown)} ${messageOf(thrown)}`)?.[0];
  return code === undefined
    ? undefined
    : new TreewireError("TW_OPEN_FILES", "open files", { detail: code, cause: thrown });
}

/** How many files this process may have open; infinite where that is not known. */
function openFilesLimit(): number {
  const soft = /"open_files": \{\s*"soft": (\d+)/.exec(JSON.stringify(process.report.getReport(), null, 1))?.[1];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}
