import { systemCode, TreewireError } from "./errors.js";

/** The status of a program that met an error nobody foresaw (EX_SOFTWARE of sysexits.h). */
const UNFORESEEN = 70;

/**
 * Runs a program to its end and leaves with its status. An error for people is one line on standard error; one that
 * nobody foresaw keeps its stack.
 *
 * @param name the program's
 * @param main resolves with the exit status, 0 to 255
 */
export async function runProgram(name: string, main: () => Promise<number>): Promise<never> {
  // whoever reads the output may stop early (`| head`): that is no failure, and nothing more is to be said
  process.stdout.on("error", (error) => process.exit(systemCode(error) === "EPIPE" ? 0 : UNFORESEEN));
  let status: number;
  try {
    status = await main();
  } catch (error) {
    status = reportError(name, error);
  }
  process.exit(status);
}

/** Writes one line about an error to standard error. @returns the exit status that goes with it */
export function reportError(name: string, error: unknown): number {
  if (error instanceof TreewireError) {
    process.stderr.write(`${name}: ${error.message}\n`);
    return error.exitStatus;
  }
  process.stderr.write(`${name}: unexpected: ${error instanceof Error ? (error.stack ?? error.message) : error}\n`);
  return UNFORESEEN;
}
