import { type Stats, statSync } from "node:fs";
import { opendir } from "node:fs/promises";
import { resolve } from "node:path";
import {
  badArguments,
  collectOnceStarted,
  createLogger,
  fixedToken,
  type Logger,
  type LogLevel,
  listOf,
  messageOf,
  systemCode,
  type TokenSource,
  TreewireError,
  textOf,
  tokenFile,
  VERSION,
} from "../../util/index.js";
import {
  checkWatcher,
  defaultWatcher,
  type FindOptions,
  RepositorySearch,
  resolveRoot,
  resolveWorktrees,
  TreeHost,
  type WatcherKind,
} from "../../worktree/index.js";
import { AllowedDirectories } from "../chats/allowed-directories.js";
import type { RepositoryFinder } from "../chats/locate.js";
import { TrackStore } from "../chats/track-store.js";
import { type ControlHandler, ControlServer } from "../control/control-server.js";
import { claim, defaultStateDir, socketCandidates } from "../control/places.js";
import { Daemon } from "../daemon.js";
import { Service } from "../service/service.js";
import { SecretsPolicy } from "../trees/secrets-policy.js";
import { afterRejection, isCredential } from "../tunnel/credential.js";
import { dial } from "../tunnel/dial.js";
import { awaited, LateFiles } from "../tunnel/late-files.js";
import { tunnelUrl } from "../tunnel/tunnel-url.js";
import { WAKE_INTERVAL_MS, WakeWatch } from "../tunnel/wake.js";
import { type AgentSettings, filterPolicy, secretLists, watcherKind } from "./settings.js";

/** The settings file is named: who starts the daemon by a script sees neither the options nor the environment. */
const NO_RELAY = "no relay is set: give --relay URL or --join LINK, or write it to ~/.config/treewire/agent.toml";

/** The program has left this long after the signal, whatever hangs. Milliseconds; docs/install.md promises 2 s. */
const LEAVE_MS = 1_500;

/**
 * Runs the agent until SIGTERM or SIGINT.
 *
 * @param name of the program, for its errors
 * @returns the exit status. @throws TreewireError when it cannot go on
 */
export async function runDaemonCommand(settings: AgentSettings, name: string): Promise<number> {
  const relay = textOf(settings.relay);
  if (relay === undefined) throw badArguments(NO_RELAY, name);
  const url = tunnelUrl(relay);
  const logger = createLogger("agent", textOf(settings["log-level"]) as LogLevel);
  const token = tokenSource(settings, logger);
  const connectWith = () =>
    awaited(() =>
      dial(url, {
        caFile: fileOf(settings["ca-file"]),
        certFile: fileOf(settings["cert-file"]),
        keyFile: fileOf(settings["key-file"]),
        headers: listOf(settings.header),
      }),
    );
  const files = new LateFiles(() => {
    token.read();
    connectWith();
  });
  // what is bad from the start ends the program at once; what is not there yet, or turns bad later, is waited for
  files.start();
  const watcher = watcherKind(settings.watcher.value, defaultWatcher());
  await checkWatcher(watcher);

  const roots = listOf(settings.root);
  const searched = (roots.length > 0 ? roots : ["."]).map((root) => resolve(root));
  const memory = await remember(textOf(settings["state-dir"]) ?? defaultStateDir(), logger);
  const more = listOf(settings["allow-root"]).map((directory) => resolve(directory));
  const allowed = new AllowedDirectories([...searched, ...more], memory.tracked);
  const { directories } = allowed;
  const filters = filterPolicy(settings.filters.value, "user");
  const host = new TreeHost({ logger, watcher, filters, allowed: directories });
  collectOnceStarted();
  const service = new Service({ logger, relay: url.host, ping: () => host.ping() });
  const daemon = new Daemon({
    url,
    token,
    dial: connectWith,
    roots: searched,
    agent: `treewire/${VERSION}`,
    logger,
    source: host,
    reader: host,
    secrets: settings.secrets.value === "send" ? undefined : new SecretsPolicy(secretLists(settings)),
    finder: searchingFinder(allowed, watcher),
    watcher: watcher === defaultWatcher() ? null : watcher,
    tracked: memory.tracked,
    allowed: directories,
    problems: memory.problems,
    onStatus: (status) => service.onTunnel(status),
  });
  const control = memory.alone
    ? await listen(settings, memory.stateDir, (request) => daemon.handle(request), logger)
    : undefined;

  let stopping: Promise<void> | undefined;
  const leave = (signal: NodeJS.Signals) => {
    logger.info({ signal }, "leaving");
    stopping = service.stopping();
    setTimeout(() => process.exit(0), LEAVE_MS).unref();
    void daemon.stop();
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, leave);
  process.on("SIGHUP", () => {
    logger.info("reading token and certificates again");
    void service.reload(() => daemon.tunnel.reload());
  });
  const wake = new WakeWatch();
  setInterval(() => {
    if (daemon.tunnel.status.state === "waiting" && files.haveCome()) daemon.tunnel.nudge();
    const happened = wake.look();
    if (happened === undefined) return;
    logger.info({ happened }, "is the relay still there?");
    daemon.tunnel.nudge();
  }, WAKE_INTERVAL_MS).unref();
  logger.info({ relay: url.host, roots }, "starting");
  // Node.js waits for the children that it started, and for no others
  if (process.pid === 1) logger.warn("as process 1 it reaps no orphans; start it by container/entrypoint.sh");
  try {
    await daemon.run();
  } catch (error) {
    const file = textOf(settings["token-file"]);
    if (file === undefined || !(error instanceof TreewireError && error.code === "TW_TOKEN_REJECTED")) throw error;
    throw afterRejection(error, file, token.read());
  } finally {
    await control?.close();
    await daemon.stop();
    await memory.tracked.close();
    await host.close();
    await stopping;
  }
  return 0;
}

interface Memory {
  stateDir: string;
  tracked: TrackStore;
  /** No other agent uses the directory. */
  alone: boolean;
  problems: string[];
}

/** What this agent remembers; one that cannot, or may not, works without. */
async function remember(stateDir: string, logger: Logger): Promise<Memory> {
  const without = (alone: boolean, problem: string, error?: unknown): Memory => {
    logger.warn({ stateDir, ...(error !== undefined && { err: error }) }, problem);
    return { stateDir, tracked: TrackStore.unremembered(logger), alone, problems: [problem] };
  };
  if ((await claim(stateDir)) === undefined) {
    return without(
      false,
      `${stateDir}: another agent uses it, and answers track and status; this one remembers nothing`,
    );
  }
  try {
    return { stateDir, tracked: await TrackStore.open(stateDir, logger), alone: true, problems: [] };
  } catch (error) {
    return without(true, messageOf(error), error);
  }
}

/** Opens the control socket at the first place that takes it; an agent without one works all the same. */
async function listen(
  settings: AgentSettings,
  stateDir: string,
  handler: ControlHandler,
  logger: Logger,
): Promise<ControlServer | undefined> {
  const named = textOf(settings.socket);
  const candidates = named === undefined ? socketCandidates(stateDir) : [resolve(named)];
  for (const path of candidates) {
    try {
      const server = await ControlServer.listen(path, handler, logger);
      logger.debug({ socket: path }, "listening for commands");
      return server;
    } catch (error) {
      logger[path === candidates.at(-1) ? "warn" : "debug"]({ err: error }, messageOf(error));
    }
  }
  return undefined;
}

function tokenSource(settings: AgentSettings, logger: Logger): TokenSource {
  delete process.env.TREEWIRE_AGENT_TOKEN; // no child needs it
  const file = textOf(settings["token-file"]);
  if (file !== undefined) {
    const source = tokenFile(resolve(file), (warning) => logger.warn(warning));
    // what systemd has not handed over by now it never will
    return isCredential(file)
      ? { canChange: false, read: source.read }
      : { canChange: true, read: () => awaited(source.read) };
  }
  const token = textOf(settings["agent-token"]);
  if (token === undefined) throw new TreewireError("TW_NO_TOKEN", "TREEWIRE_AGENT_TOKEN");
  return fixedToken(token);
}

/** Absolute, as the directory that the agent was started in may go. */
function fileOf(setting: AgentSettings[keyof AgentSettings]): string | undefined {
  const path = textOf(setting);
  return path === undefined ? undefined : resolve(path);
}

/** Finds repositories, and tells when others would be found. */
function searchingFinder(allowed: AllowedDirectories, watcher: WatcherKind): RepositoryFinder {
  let onOutdated = (): void => {};
  const search = new RepositorySearch({
    onOutdated: () => onOutdated(),
    ...(watcher === "poll" && { maxWatched: 0 }),
  });
  return {
    allowedFor: (path, by) => allowed.allowedFor(path, by),
    resolveRoot,
    resolveWorktrees,
    kind: kindOf,
    findRepositories: (directory, onRefused) =>
      findReadable(directory, search, { allowed: allowed.directories, onRefused }),
    onOutdated: (listener) => {
      onOutdated = listener;
    },
    rest: () => search.rest(),
  };
}

/** As `findRepositories`, but a directory that cannot be listed is an error and not merely empty. */
async function findReadable(
  directory: string,
  search: RepositorySearch,
  judged: Pick<FindOptions, "allowed" | "onRefused">,
): Promise<string[]> {
  try {
    await (await opendir(directory)).close();
  } catch (error) {
    const code = systemCode(error) ?? "";
    const missing = code === "ENOENT" || code === "ENOTDIR";
    const what = missing ? "TW_PATH_NOT_FOUND" : "TW_PATH_UNREADABLE";
    throw new TreewireError(what, directory, { detail: code, cause: error });
  }
  return search.find(directory, judged);
}

function kindOf(path: string): "directory" | "other" | "missing" {
  let stats: Stats | undefined;
  try {
    stats = statSync(path, { throwIfNoEntry: false });
  } catch {
    return "other"; // it cannot be looked at: whoever asks for its root is told why
  }
  if (stats === undefined) return "missing";
  return stats.isDirectory() ? "directory" : "other";
}
