import { opendir } from "node:fs/promises";
import { resolve } from "node:path";
import {
  createLogger,
  fixedToken,
  type LogLevel,
  systemCode,
  type TokenSource,
  TreewireError,
  tokenFile,
  VERSION,
} from "../util/index.js";
import { findRepositories, resolveRoot, TreeHost } from "../worktree/index.js";
import { Daemon } from "./daemon.js";
import { tunnelUrl } from "./relay-url.js";

/** What the command line says of the daemon. */
export interface DaemonArguments {
  relay: string;
  tokenFile?: string | undefined;
  root: readonly string[];
  logLevel: LogLevel;
}

const TOKEN_VARIABLE = "TREEWIRE_AGENT_TOKEN";
/** The program has left this long after the signal, whatever hangs. Milliseconds; the contract says 2 s. */
const LEAVE_MS = 1_500;

/** Runs the agent until SIGTERM or SIGINT. @returns the exit status. @throws TreewireError when it cannot go on */
export async function runDaemonCommand(args: DaemonArguments): Promise<number> {
  const url = tunnelUrl(args.relay);
  const token = tokenSource(args.tokenFile);
  token.read(); // a token file that is bad from the start is told at once
  const logger = createLogger("agent", args.logLevel);
  const host = new TreeHost({ logger });
  const daemon = new Daemon({
    url,
    token,
    roots: (args.root.length > 0 ? args.root : ["."]).map((root) => resolve(root)),
    agent: `treewire/${VERSION}`,
    logger,
    source: host,
    finder: { resolveRoot, findRepositories: findReadable },
  });

  const leave = (signal: NodeJS.Signals) => {
    logger.info({ signal }, "leaving");
    setTimeout(() => process.exit(0), LEAVE_MS).unref();
    void daemon.stop();
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, leave);
  process.on("SIGHUP", () => daemon.tunnel.retryNow());
  logger.info({ relay: url.host, roots: args.root }, "starting");
  try {
    await daemon.run();
  } finally {
    await daemon.stop();
    await host.close();
  }
  return 0;
}

function tokenSource(path: string | undefined): TokenSource {
  const fromEnvironment = process.env[TOKEN_VARIABLE];
  delete process.env[TOKEN_VARIABLE]; // no child needs it
  if (path !== undefined) return tokenFile(resolve(path));
  if (fromEnvironment === undefined || fromEnvironment === "") throw new TreewireError("TW_NO_TOKEN", TOKEN_VARIABLE);
  return fixedToken(fromEnvironment);
}

/** As `findRepositories`, but a directory that cannot be listed is an error and not merely empty. */
async function findReadable(directory: string): Promise<string[]> {
  try {
    await (await opendir(directory)).close();
  } catch (error) {
    const code = systemCode(error) ?? "";
    const missing = code === "ENOENT" || code === "ENOTDIR";
    const what = missing ? "TW_PATH_NOT_FOUND" : "TW_PATH_UNREADABLE";
    throw new TreewireError(what, directory, { detail: code, cause: error });
  }
  return findRepositories(directory);
}
