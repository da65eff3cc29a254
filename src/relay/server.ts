import { Server as TlsServer } from "node:tls";
import { coalesce, systemClock, TreewireError, timerDelay } from "../util/index.js";
import { Admission, OwnAuthority, Uploads, UpstreamAuthority } from "./access/index.js";
import type { Limits } from "./access/limits.js";
import { ClientRates } from "./budgets/client-rates.js";
import { ChatEvents, RemoteActivity } from "./chats/index.js";
import { type Exchange, type Here, LocalExchange } from "./exchange/index.js";
import { observeExchange } from "./exchange-metrics.js";
import { Failures } from "./failures.js";
import { observeFiles } from "./file-metrics.js";
import { createHttp, type HttpServer } from "./http/index.js";
import { listenForMetrics, type MetricsServer } from "./http/metrics-server.js";
import { Hub } from "./hub/index.js";
import type { LimitOptions } from "./limit-options.js";
import { Metrics } from "./metrics.js";
import { type Draining, drain } from "./serving/drain.js";
import { listenFailure } from "./serving/listen-failure.js";
import { type ReadOptions, type RelayOptions, readOptions, readTls } from "./serving/relay-options.js";
import { LiveSockets, Reconciler, Upgrades } from "./sockets/index.js";
import { SqliteStore, type Store } from "./store/index.js";
import { openNatsStore } from "./store-place.js";

export interface RunningRelay {
  /** `http://HOST:PORT` or `https://HOST:PORT`, without a slash at the end. */
  url: string;
  /** `http://HOST:PORT/metrics`, with {@link RelayOptions.metricsListen}. */
  metricsUrl?: string;
  /** Reads certificate and key again. @throws TreewireError `TW_TLS_FILES`; then the old ones stay */
  reload(): void;
  /** Keeps states, tells agents and clients (1001), stops listening, lets requests end, and closes the store: drain.ts. */
  close(): Promise<void>;
}

/** How often the store is asked whether a command has written to it, and quiet clients are looked for. Milliseconds. */
const STORE_POLL_MS = 200;
const SWEEP_MS = 1_000;

/** How often changed states are written to the store. A state that is lost with the process is sent again by its agent. */
const TIDY_MS = 5_000;

/** How often an upstream is asked again whether those who watch still may, in milliseconds. */
const UPSTREAM_RECHECK_MS = 15_000;

const DRAIN_MS = 10_000;
const IDLE_CLOSE_MS = 50;

/**
 * Starts a relay and waits until it listens.
 *
 * @throws TreewireError `TW_BAD_USAGE`, `TW_DATA_DIR`, `TW_DATA_DIR_IN_USE`, `TW_TLS_FILES`, `TW_LISTEN_FAILED`; with
 *   {@link RelayOptions.nats}, `TW_NATS_UNREACHABLE`, `TW_NATS_SECRET`, `TW_NATS_TOO_OLD`, `TW_NO_CLUSTER`
 */
export async function startRelay(options: RelayOptions): Promise<RunningRelay> {
  const read = readOptions(options); // before anything is made
  const { store, abandon } = await openStore(options, read.limits.options);
  try {
    return await serveStore(store, options, read);
  } catch (thrown) {
    await abandon();
    throw thrown;
  }
}

/** @returns `abandon`: closes it for a relay that could not start */
async function openStore(
  { dataDir, nats, log, outageGraceMs }: RelayOptions,
  limits: LimitOptions,
): Promise<{ store: Store; abandon: () => Promise<void> }> {
  if (dataDir !== undefined) {
    const store = SqliteStore.serve(dataDir, log, limits);
    return { store, abandon: async () => store.abandon() };
  }
  if (nats === undefined) throw new TreewireError("TW_BAD_USAGE", "--data-dir", { detail: "give it, or --nats" });
  const store = await openNatsStore(nats, {
    log,
    limits,
    ...(outageGraceMs !== undefined && { graceMs: outageGraceMs }),
  });
  return { store, abandon: () => store.close() };
}

/**
 * Starts a relay on a store, and waits until it listens.
 *
 * @param store stays open, unless the relay is closed
 * @throws as {@link startRelay}, what is about a directory excepted
 */
export async function serveStore(
  store: Store,
  options: Omit<RelayOptions, "dataDir">,
  { tls, upstream, proxies, limits }: ReadOptions = readOptions(options),
): Promise<RunningRelay> {
  const { log, host = "127.0.0.1", port = 7700 } = options;
  const failures = new Failures(store.health, log);
  const { lingerMs } = options;
  const hub = new Hub({
    chatRoots: store.chatRoots,
    treeStates: store.treeStates,
    log,
    ...(lingerMs !== undefined && { lingerMs }),
    limits: limits.options,
    follow: (workspace) => {
      const following = exchange.follow(workspace);
      return () => following.stop();
    },
    agentStateAnywhere: (workspace) => exchange.agentState(workspace),
    onTrouble: () => metrics.troubled(),
    onChange: (workspace, what) => {
      if (what === "trees") return events.treesChanged(workspace);
      remote.forget(workspace);
      events.agentChanged(workspace);
    },
  });
  const exchange = await openExchange(options, hub, limits);
  const events = new ChatEvents({
    chats: store.chats,
    hasAgent: (workspace) => hub.agentState(workspace) === "connected" || remote.hasAgent(workspace),
    treeCounts: (workspace, chat) => {
      const here = hub.treeCounts(workspace, chat);
      return here.length > 0 ? here : remote.treeCounts(chat);
    },
  });
  const remote = new RemoteActivity({
    exchange,
    clock: systemClock,
    listed: () => events.listed,
    changed: (workspace) => events.agentChanged(workspace),
  });
  const own = new OwnAuthority(store, options.allowedOrigins ?? []);
  const theirs = upstream && new UpstreamAuthority(store, upstream, options.allowedOrigins ?? [], log);
  const authority = theirs ?? own;
  const admission = new Admission(limits);
  const rates = new ClientRates(limits.options);
  const uploads = new Uploads(limits.options, {
    usedBy: (scope, name) => store.files.usedBy(scope, name),
    freeBytes: () => store.files.freeBytes(),
    rateOf: (tokenId) => rates.of(tokenId),
  });
  const prepare = (workspace: string, chat: string) => hub.prepare(workspace, chat);
  const live = new LiveSockets(authority, (tokenId) => store.tokens.isLive(tokenId), prepare);
  const metrics = new Metrics(() => ({ ...hub.counts(), ...live.counts() }), store.health);
  observeFiles(metrics.registry, { store, uploads, failures, limits: limits.options });
  if (!exchange.isAlone) observeExchange(metrics.registry, exchange);
  const changed = () => reconciler.changed();
  const upgrades = new Upgrades({
    store,
    changed: theirs === undefined ? changed : () => undefined, // an upstream tells of its chats itself
    hub,
    exchange,
    authority,
    admission,
    proxies,
    limits,
    rates,
    live,
    failures,
    metrics,
    log,
    feeds: theirs === undefined ? { events, authority: own } : undefined,
    passOn: upstream && { upstream, allowedOrigins: options.allowedOrigins ?? [] },
  });
  const forgetUpstream = theirs && (() => theirs.forget());
  const reconciler = new Reconciler({
    store,
    live,
    failures,
    forgetUpstream,
    chatsChanged: (ids) => events.chatsChanged(ids),
  });
  let isDraining = false;
  const http = await createHttp(
    {
      ...{ store, own, authority, admission, uploads, proxies, changed },
      agentState: (workspace) => exchange.agentState(workspace),
      activity: (workspace, chats) => exchange.activity(workspace, chats),
      ask: (chat, question) =>
        hub.agentState(chat.workspace) === "connected" ? hub.ask(chat, question) : exchange.ask(chat, question),
    },
    {
      limits: limits.options,
      metrics,
      socketsLeft: () => (isDraining ? upgrades.openCount : undefined),
      reachesOthers: () => exchange.isConnected,
      upstream,
      fileTypes: options.fileTypes ?? "images",
      tls,
      log,
      frameAncestors: options.frameAncestors ?? [],
    },
  );
  http.server.on("upgrade", (request, socket, head) => {
    upgrades.handle(request, socket, head).catch((thrown: unknown) => {
      failures.note(thrown, "an upgrade could not be refused");
      socket.destroy();
    });
  });

  let url: string;
  let scrapers: MetricsServer | undefined;
  try {
    store.treeStates.sweep();
    const swept = store.files.sweep(() => isDraining);
    if (!store.files.sweepsBeside) await swept;
    else swept.catch((thrown: unknown) => failures.note(thrown, "what uploads left behind could not be let go"));
    if (options.metricsListen !== undefined) scrapers = await listenForMetrics(options.metricsListen, metrics, log);
    url = await http.listen({ host, port });
  } catch (thrown) {
    await scrapers?.close();
    await http.close();
    await exchange.close();
    if (thrown instanceof TreewireError) throw thrown;
    throw listenFailure(host, port, thrown);
  }

  const guarded = (job: () => void) => failures.guard("a timer's job failed", job);
  const expire = guarded(() => live.expire(Date.now()));
  const tell = () => {
    events.flush().catch((thrown: unknown) => failures.note(thrown, "clients could not be told of their chats"));
  };
  const poll = setInterval(() => {
    expire();
    reconciler.poll();
    tell();
  }, STORE_POLL_MS);
  // who may watch an upstream's chats changes without a word to the relay
  const recheck = theirs && setInterval(() => reconciler.recheckUpstream(), UPSTREAM_RECHECK_MS);
  let lastSave: { isOver: () => boolean } | undefined;
  const tidy = coalesce(() => hub.tidy(lastSave !== undefined, lastSave?.isOver));
  const tidyAndNote = () =>
    tidy().catch((thrown: unknown) => failures.note(thrown, "keeping the trees' states failed"));
  const keep = setInterval(tidyAndNote, TIDY_MS);
  const sweep = setInterval(
    guarded(() => {
      hub.heartbeat(2 * SWEEP_MS);
      events.flushDiffs();
      if (exchange.isAlone) return;
      const failed = (thrown: unknown) => failures.note(thrown, "agents at other relays could not be asked about");
      remote.poll().catch(failed);
    }),
    SWEEP_MS,
  );

  return {
    url,
    ...(scrapers !== undefined && { metricsUrl: scrapers.url }),
    reload: () => {
      const files = readTls(options);
      if (files !== undefined && http.server instanceof TlsServer) http.server.setSecureContext(files);
    },
    close: async () => {
      clearInterval(recheck);
      clearInterval(keep);
      const relay: Draining = {
        turnAway: () => {
          isDraining = true;
          upgrades.turnAway();
          hub.goAway();
        },
        save: async (isOver) => {
          lastSave = { isOver };
          await tidyAndNote();
          await store.flush(isOver);
        },
        closeSockets: (withinMs, graceMs) => {
          exchange.drain();
          return upgrades.close(withinMs, graceMs);
        },
        closeHttp: (forMs) => closeHttp(http, forMs),
      };
      await drain(relay, options.drainMs ?? DRAIN_MS, systemClock);
      clearInterval(poll);
      clearInterval(sweep);
      await scrapers?.close();
      await exchange.close();
      await store.close();
    },
  };
}

/** @param here what this relay knows by itself @param limits of addresses: relays refuse together who guesses tokens */
async function openExchange(
  { nats, log }: Pick<RelayOptions, "nats" | "log">,
  here: Here,
  limits: Limits,
): Promise<Exchange> {
  if (nats === undefined) return new LocalExchange(here);
  const { natsExchange } = await import("./exchange/nats-exchange.js");
  const exchange = await natsExchange(nats, {
    here,
    log,
    onRefused: (address, forMs) => void limits.refuse(address, forMs),
  });
  limits.onRefused = (address, forMs) => exchange.refuseEverywhere(address, forMs);
  return exchange;
}

/** Stops listening, and lets requests under way end. @param forMs for so long, in milliseconds */
async function closeHttp(http: HttpServer, forMs: number): Promise<void> {
  const cut = setTimeout(() => http.server.closeAllConnections(), timerDelay(forMs));
  // a connection that was busy when the listening ended stays open for its keep-alive time if nobody looks after it
  const idle = setInterval(() => http.server.closeIdleConnections(), IDLE_CLOSE_MS);
  await http.close();
  clearInterval(idle);
  clearTimeout(cut);
}
