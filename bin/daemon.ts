// What `agent run` needs besides the quick program, which has read the command line by then.
import { runDaemonProgram } from "../src/agent/index.js";

/** Runs the daemon. Leaves the process. @param given the settings of the command line @param name of the program, for its errors */
export function run(given: Readonly<Record<string, unknown>>, name: string): Promise<never> {
  return runDaemonProgram(given, name);
}
