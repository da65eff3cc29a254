import {
  comparisonWord,
  HEAD_COMPARISON,
  idSchema,
  parseComparisonRequest,
  type ServerMessage,
  serverMessageSchema,
} from "../../protocol/index.js";
import {
  type Clock,
  colorsFor,
  type LinkFailure,
  LinkLoop,
  type Reach,
  type RetryDelay,
  standardLines,
  systemClock,
  TreewireError,
} from "../../util/index.js";
import { connectInNode } from "../node-connection.js";
import { followTrees, type Snapshot, WatchEndedError } from "../watch.js";
import { LiveView } from "./live-view.js";
import { drained, type Output } from "./output.js";
import { printableLine } from "./render.js";
import { type Keys, Screen, takeKeys } from "./screen.js";
import { Verdict } from "./verdict.js";

export interface TerminalOptions {
  /** The relay, `http:`, `https:`, `ws:` or `wss:`, with the path that it may live under. */
  url: string;
  chat: string;
  token: string;
  /** The frames of the git stream as they come, one a line, in place of text for people. */
  json: boolean;
  /** Ask for a fresh look when the connection opens. */
  refresh: boolean;
  /** With what the trees are compared, a word of docs/comparisons.md. Default: HEAD. */
  compare?: string;
  /** Whole diffs in place of what has changed. */
  full?: boolean;
  /** How the relay is reached. */
  reach?: Reach;
  /** Default: standard output and standard error. */
  stdout?: Output;
  stderr?: Output;
  /** Where keys come from. Default: none do. */
  keys?: Keys;
  /** Says whether colours are wanted (`NO_COLOR`, `TERM`). Default: the process's. */
  env?: NodeJS.ProcessEnv;
  /** Ends it. */
  signal: AbortSignal;
}

/** The frame that answers it names it. */
const REFRESH = '{"type":"refresh","id":"terminal"}';

/** What tests put in the place of the world's. */
export interface TerminalParts {
  clock?: Clock;
  retryDelay?: Pick<RetryDelay, "next">;
}

const DEFAULT_COLUMNS = 80;
const KEYS = "q quits · f whole diff · s table · r looks again";

/** What both ways of watching need. */
interface Watching {
  options: TerminalOptions;
  parts: TerminalParts;
  url: URL;
  signal: AbortSignal;
  verdict: Verdict;
  /** Settles when what was printed has been taken; `undefined`: more can be printed. */
  blocked: () => Promise<void> | undefined;
  print: (write: () => unknown) => void;
  /** It works: a loss is over. */
  served: () => void;
  onFailure: (failure: LinkFailure, next: { isNew: boolean }) => void;
}

/**
 * Shows a chat's live diff until the signal comes, or the key `q`, and connects again, with growing and jittered delays,
 * whenever the connection is lost. Says on standard error when it is lost, why, and when it is there again. While standard output
 * takes nothing, nothing is read from the relay either, and no connection is made.
 *
 * @throws TreewireError when the relay itself refuses, or `TW_BAD_USAGE`, `TW_BAD_URL`: `TW_TOKEN_REJECTED`,
 *   `TW_WATCH_REFUSED`. Where it had been of use before, it was asked again for a minute. Before that also for what
 *   cannot mend itself: `TW_RELAY_UNTRUSTED`, `TW_WRONG_SCHEME`, `TW_WRONG_PATH`, `TW_TLS_FILES`
 */
export async function watchInTerminal(options: TerminalOptions, parts: TerminalParts = {}): Promise<void> {
  const { stdout = process.stdout, stderr = standardLines(2), token } = options;
  const url = new URL(watchUrl(options.url, options.chat, options.compare));
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  let hasServed = false;
  let isLost = false;
  let blocked: Promise<void> | undefined;
  const verdict = new Verdict({ url, token, hasServed: () => hasServed });
  const watching: Watching = {
    options,
    parts,
    url,
    signal,
    verdict,
    blocked: () => blocked,
    print: (write) => {
      if (write() !== false || blocked !== undefined) return;
      blocked = drained(stdout, signal).then(() => {
        blocked = undefined;
      });
    },
    served: () => {
      if (isLost) stderr.write("connected again\n");
      isLost = false;
      hasServed = true;
    },
    onFailure: (failure, { isNew }) => {
      if (isNew) stderr.write(`${printableLine(verdict.words(failure))}; trying again\n`);
      isLost = true;
    },
  };
  if (options.json) await printFrames(watching);
  else await showStates(watching, stdout, stop);
  if (verdict.error !== undefined && !signal.aborted) throw verdict.error;
}

/** The git stream as it comes. */
async function printFrames({ options, parts, signal, url, verdict, ...watching }: Watching): Promise<void> {
  const { stdout = process.stdout, token, refresh, reach } = options;
  const { clock = systemClock, retryDelay } = parts;
  const loop = new LinkLoop({
    connect: async (attempt) => {
      await watching.blocked();
      const failure = await connectInNode({
        url,
        token,
        signal,
        clock,
        ...(reach && { reach }),
        blocked: watching.blocked,
        onOpen: (send) => refresh && send(REFRESH),
        onMessage: (text) => {
          const message = text === undefined ? undefined : parse(text);
          if (message === undefined) return "the relay has sent a frame that the protocol does not know";
          attempt.served();
          watching.served();
          watching.print(() => stdout.write(`${JSON.stringify(message)}\n`));
          return undefined;
        },
      });
      return verdict.judge(failure);
    },
    signal,
    onFailure: watching.onFailure,
    clock,
    ...(retryDelay !== undefined && { retryDelay }),
  });
  await loop.run();
}

/** The delta stream as text for people. */
async function showStates(
  { options, parts, signal, verdict, ...watching }: Watching,
  stdout: Output,
  stop: AbortController,
): Promise<void> {
  const { stderr = standardLines(2), url, chat, token, refresh, reach, keys, full = false, compare } = options;
  const isTerminal = stdout.isTTY === true;
  const columns = () => stdout.columns ?? DEFAULT_COLUMNS;
  const now = () => Date.now();
  const view = new LiveView({ colors: colorsFor(stdout, options.env), isTerminal, isFull: full, columns, now });
  const screen = new Screen(stdout, columns);
  let look = () => {};
  const redraw = () => screen.redraw();
  const release =
    keys === undefined || !isTerminal
      ? undefined
      : takeKeys(keys, (key) => {
          if (key === "q") stop.abort();
          else if (key === "r") look();
          else if (key === "f" || key === "s") watching.print(() => screen.print(view.overview(key === "f")));
        });
  if (isTerminal) stdout.on?.("resize", redraw);
  const onError = (why: string) => {
    screen.end();
    stderr.write(`${printableLine(why)}\n`);
  };
  const states = followTrees(
    { url, chat, token, stale: true, signal, onError, ...(compare !== undefined && { compare }) },
    {
      ...parts,
      ...(reach && { reach }),
      blocked: watching.blocked,
      judge: (failure) => verdict.judge(failure),
      onFailure: (failure, next) => {
        screen.end();
        watching.onFailure(failure, next);
      },
      onOpen: (send) => {
        look = () => send(REFRESH);
        if (refresh) look();
      },
    },
  );
  try {
    for await (const snapshot of states) {
      await watching.blocked();
      if (signal.aborted) break;
      watching.served();
      const text = view.show(snapshot);
      if (text !== "") watching.print(() => screen.print(text));
      if (release !== undefined) screen.status(statusOf(snapshot));
    }
  } catch (thrown) {
    if (!(thrown instanceof WatchEndedError) || verdict.error === undefined) throw thrown;
  } finally {
    release?.();
    stdout.off?.("resize", redraw);
    screen.end();
  }
}

function statusOf({ scannedAt, isStale }: Snapshot): string {
  const time = scannedAt.toTimeString().slice(0, 8);
  return `${isStale ? `the agent is away, its last state is of ${time}` : `live, checked ${time}`} · ${KEYS}`;
}

/**
 * The WebSocket URL of a chat's git stream.
 *
 * @param compare with what the trees are compared, a word of docs/comparisons.md
 * @throws TreewireError `TW_BAD_URL`, `TW_BAD_USAGE`
 */
export function watchUrl(relay: string, chat: string, compare = HEAD_COMPARISON): string {
  const request = parseComparisonRequest(compare);
  if (request === undefined) {
    throw new TreewireError("TW_BAD_USAGE", compare, { detail: "not head, base, ref:NAME or commit:OID" });
  }
  const query = request.kind === "head" ? "" : `?compare=${encodeURIComponent(comparisonWord(request))}`;
  const id = idSchema.safeParse(chat).data;
  if (id === undefined) throw new TreewireError("TW_BAD_USAGE", chat, { detail: "not a chat's UUID, nor a link" });
  if (!URL.canParse(relay)) throw new TreewireError("TW_BAD_URL", relay);
  const url = new URL(relay);
  const protocol = { "http:": "ws:", "ws:": "ws:", "https:": "wss:", "wss:": "wss:" }[url.protocol];
  if (protocol === undefined || url.host === "") throw new TreewireError("TW_BAD_URL", relay);
  const path = url.pathname.replace(/\/+$/, "");
  return `${protocol}//${url.host}${path}/api/v2/chats/${id}/git/watch${query}`;
}

function parse(text: string): ServerMessage | undefined {
  try {
    return serverMessageSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // no JSON: the caller says so
  }
}
