import { runProgram } from "../../util/index.js";
import { agentSettings } from "./settings.js";

/**
 * The daemon as a program: what `agent run` is once its command line has been read. Without the parser of all commands, which an
 * agent would hold for as long as it runs. Leaves the process.
 *
 * @param given the settings of the command line, by name; a setting that was not given is absent
 * @param name of the program, for its errors
 */
export function runDaemonProgram(given: Readonly<Record<string, unknown>>, name: string): Promise<never> {
  return runProgram(name, async () => {
    const { runDaemonCommand } = await import("./run-daemon.js");
    return runDaemonCommand(agentSettings(given), name);
  });
}
