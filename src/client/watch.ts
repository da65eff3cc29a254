import { DELTA_SUBPROTOCOL, readDeltaMessage } from "../protocol/browser.js";
import {
  type Clock,
  type LinkAttempt,
  type LinkFailure,
  LinkLoop,
  RetryDelay,
  systemClock,
} from "../util/link/browser.js";
import { Newest } from "./newest.js";
import { connectInNode, type NodeReach } from "./node-connection.js";
import { connectInPage, PagePatience } from "./page-connection.js";
import { TreeAssembler, type WatchedTree } from "./trees.js";

export interface WatchOptions {
  /** The relay, `http:`, `https:`, `ws:` or `wss:`, with the path that it may live under. */
  url: string;
  /** The chat's UUID. */
  chat: string;
  /**
   * The client's token. In Node it travels in a header. Browsers let nobody set one: there it travels in the query, or,
   * when left out, as the cookie that the browser has.
   */
  token?: string;
  /** Take the last state that the relay knows while the workspace's agent is away. Default: `false`. */
  stale?: boolean;
  /**
   * With what the trees are compared: `head` (the default), `base`, `ref:NAME` or `commit:OID`. What came of it stands in each
   * tree's `meta.compare`. The relay refuses any other word.
   */
  compare?: string;
  /** Ends the watching. */
  signal?: AbortSignal;
  /**
   * Called with what the relay says went wrong, and with why there is no connection: once for each reason, until there has
   * been one again. The watching goes on.
   */
  onError?: (message: string) => void;
  /** Numbers in [0, 1) for the jitter of the delays; for tests. Default: `Math.random`. */
  random?: () => number;
}

/** What is known at one moment. */
export interface Snapshot {
  /** The chat's trees by root, an absolute path in the workspace. */
  readonly trees: ReadonlyMap<string, WatchedTree>;
  /** When it was last known to be true, by the agent's clock. */
  readonly scannedAt: Date;
  /** The agent is away: this is the last state before that. */
  readonly isStale: boolean;
}

/**
 * Coming back is useless by the relay's own word: the token counts no longer, the chat is not the caller's, or is bound to
 * nothing that can be watched. Where the relay had been of use before, it was asked again for a minute.
 */
export class WatchEndedError extends Error {
  override readonly name = "WatchEndedError";
}

/** What tests put in the place of the world's, and what the terminal client adds. @internal */
export interface WatchParts {
  clock?: Clock;
  retryDelay?: Pick<RetryDelay, "next">;
  /** How the relay is reached; in Node.js alone. */
  reach?: NodeReach;
  /** As of {@link connectInNode}. */
  blocked?: () => Promise<void> | undefined;
  /** The connection is open. */
  onOpen?: (send: (text: string) => void) => void;
  /** Says whether it is worth coming back, once a connection has failed. */
  judge?: (failure: LinkFailure) => Promise<LinkFailure>;
  /** Told of each failure before the next try, in place of `onError`. */
  onFailure?: (failure: LinkFailure, next: { isNew: boolean }) => void;
}

/**
 * Watches a chat's trees over `treewire.delta.v1`: yields the newest state whenever something has changed, and comes back
 * with growing, jittered delays when the connection is lost. Whoever works long on one state gets the newest one next,
 * not those between.
 *
 * Ends when `signal` aborts; leaving the loop closes the connection.
 *
 * @throws WatchEndedError when coming back is useless; TypeError for a URL that is none
 */
export async function* watchTrees(options: WatchOptions): AsyncGenerator<Snapshot, void, void> {
  yield* followTrees(options, {});
}

/** {@link watchTrees}, for tests. @internal */
export async function* followTrees(options: WatchOptions, parts: WatchParts): AsyncGenerator<Snapshot, void, void> {
  const { signal, onError = () => undefined } = options;
  const {
    clock = systemClock,
    retryDelay = new RetryDelay(options.random),
    judge = async (failure) => failure,
  } = parts;
  const { onFailure = ({ why }, { isNew }) => isNew && onError(why) } = parts;
  const url = watchUrl(options);
  const newest = new Newest<Snapshot>();
  const patience = new PagePatience();
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted === true) stop();
  const loop = new LinkLoop({
    connect: async (attempt) => {
      await parts.blocked?.();
      const watching = { ...options, ...parts, url, onError, clock, patience, newest, attempt };
      return judge(await connectOnce(watching, stopping.signal));
    },
    signal: stopping.signal,
    onFailure,
    clock,
    retryDelay,
  });
  loop.run().then(
    (final) => newest.end(final && new WatchEndedError(final.why)),
    (thrown: unknown) => newest.end(thrown),
  );
  try {
    yield* newest.values();
  } finally {
    stop();
    signal?.removeEventListener("abort", stop);
  }
}

interface Watching extends Pick<WatchParts, "reach" | "blocked"> {
  url: URL;
  token?: string | undefined;
  onError: (message: string) => void;
  clock: Clock;
  patience: PagePatience;
  newest: Newest<Snapshot>;
  attempt: LinkAttempt;
  onOpen?: (send: (text: string) => void) => void;
}

/** One connection, whose states become the newest. */
function connectOnce(watching: Watching, signal: AbortSignal): Promise<LinkFailure> {
  const { url, token, onError, clock, patience, newest, attempt } = watching;
  const assembler = new TreeAssembler();
  let send: (text: string) => void = () => undefined;
  const onMessage = (text: string | undefined): undefined => {
    const message = text === undefined ? undefined : readDeltaMessage(text);
    if (message === undefined) {
      onError("the relay said something that the protocol does not know");
      return;
    }
    attempt.served();
    if (message.type === "checked") patience.checked(message.next_ms);
    const outcome = assembler.apply(message);
    if (outcome.kind === "gap") send(JSON.stringify({ type: "resync", root: outcome.root }));
    else if (outcome.kind === "error") onError(outcome.message);
    else if (outcome.kind === "checked") {
      const { trees } = assembler;
      newest.set({ trees, scannedAt: new Date(outcome.scannedAt), isStale: outcome.isStale });
    }
  };
  const onOpen = (sender: typeof send) => {
    send = sender;
    watching.onOpen?.(send);
  };
  const options = { url, protocol: DELTA_SUBPROTOCOL, token, onOpen, onMessage, signal, clock };
  const isNode = typeof process === "object" && typeof process.versions?.node === "string";
  if (!isNode) return connectInPage(options, patience);
  const { reach, blocked } = watching;
  return connectInNode({ ...options, ...(reach && { reach }), ...(blocked && { blocked }) });
}

function watchUrl({ url, chat, stale, compare }: WatchOptions): URL {
  const relay = new URL(url);
  relay.protocol = relay.protocol.replace(/^http/, "ws");
  relay.pathname = `${relay.pathname.replace(/\/+$/, "")}/api/v2/chats/${encodeURIComponent(chat)}/git/watch`;
  if (stale === true) relay.searchParams.set("stale", "ok");
  if (compare !== undefined) relay.searchParams.set("compare", compare);
  return relay;
}
