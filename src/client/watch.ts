import { CLOSE, DELTA_SUBPROTOCOL, readDeltaMessage } from "../protocol/browser.js";
import type { LinkFailure } from "../util/link/index.js";
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
  /** Ends the watching. */
  signal?: AbortSignal;
  /** Called with what the relay says went wrong, and with what ended a connection; the watching goes on. */
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

/** Coming back is useless: the token counts no longer, or the chat is not the caller's. */
export class WatchEndedError extends Error {
  override readonly name = "WatchEndedError";
}

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
/** The relay speaks at least every 30 s; a connection that is silent for longer than this is dead. Milliseconds. */
const SILENCE_MS = 75_000;

/** The relay's refusals of an upgrade that stay. Browsers do not tell a page why an upgrade failed. */
const REFUSED: readonly (number | undefined)[] = [401, 403, 404];
/** In Node: until the upgrade is answered. Milliseconds. */
const DIAL_LIMIT_MS = 15_000;

/** What of a WebSocket is used here: the same in browsers and in Node. */
interface Socket {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: { message?: string }) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** A socket that is being opened. */
interface Opening {
  socket: Socket;
  /** In Node: why it did not come to be open. */
  failure?: LinkFailure;
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
  const { signal, onError = () => undefined, random = Math.random } = options;
  const url = watchUrl(options);
  let tries = 0;
  const isAborted = () => signal?.aborted === true;
  while (!isAborted()) {
    const connection = new Connection(await openSocket(url, options), onError, signal);
    try {
      for await (const snapshot of connection.snapshots()) {
        tries = 0;
        yield snapshot;
      }
    } finally {
      connection.close();
    }
    if (isAborted()) return;
    await wait(100 + random() * Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** tries), signal);
    tries = Math.min(tries + 1, 16);
  }
}

/** One connection, from which the newest state is taken. */
class Connection {
  readonly #socket: Socket;
  readonly #assembler = new TreeAssembler();
  #newest: Snapshot | undefined;
  #ended: { error?: Error } | undefined;
  #wake: () => void = () => undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;

  constructor(opening: Opening, onError: (message: string) => void, signal: AbortSignal | undefined) {
    const { socket } = opening;
    this.#socket = socket;
    const abort = () => this.close();
    signal?.addEventListener("abort", abort, { once: true });
    let failure: string | undefined;
    socket.onmessage = ({ data }) => {
      this.#heard();
      this.#receive(data, onError);
    };
    socket.onerror = ({ message }) => {
      failure = message;
    };
    socket.onclose = ({ code, reason }) => {
      clearTimeout(this.#silence);
      signal?.removeEventListener("abort", abort);
      const refusal = opening.failure;
      const why = refusal?.why ?? failure ?? (reason || `the connection was closed with ${code}`);
      const isFinal =
        (refusal?.isFinal === true && REFUSED.includes(refusal.status)) ||
        Object.values(CLOSE).some((end) => end.code === code && !end.retry);
      if (!isFinal && signal?.aborted !== true) onError(why);
      this.#end(isFinal ? new WatchEndedError(why) : undefined);
    };
    this.#heard();
  }

  /** Yields until the connection ends. */
  async *snapshots(): AsyncGenerator<Snapshot, void, void> {
    for (;;) {
      const snapshot = this.#newest;
      this.#newest = undefined;
      if (snapshot !== undefined) yield snapshot;
      else if (this.#ended !== undefined) {
        if (this.#ended.error !== undefined) throw this.#ended.error;
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  close(): void {
    clearTimeout(this.#silence);
    this.#socket.close();
    this.#end(undefined);
  }

  #end(error: Error | undefined): void {
    this.#ended ??= error === undefined ? {} : { error };
    this.#wake();
  }

  #receive(data: unknown, onError: (message: string) => void): void {
    const message = typeof data === "string" ? readDeltaMessage(data) : undefined;
    if (message === undefined) {
      onError("the relay said something that the protocol does not know");
      return;
    }
    const outcome = this.#assembler.apply(message);
    if (outcome.kind === "gap") this.#socket.send(JSON.stringify({ type: "resync", root: outcome.root }));
    else if (outcome.kind === "error") onError(outcome.message);
    else if (outcome.kind === "checked") {
      const { trees } = this.#assembler;
      this.#newest = { trees, scannedAt: new Date(outcome.scannedAt), isStale: outcome.isStale };
      this.#wake();
    }
  }

  #heard(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.close(), SILENCE_MS);
  }
}

function watchUrl({ url, chat, stale }: WatchOptions): URL {
  const relay = new URL(url);
  relay.protocol = relay.protocol.replace(/^http/, "ws");
  relay.pathname = `${relay.pathname.replace(/\/+$/, "")}/api/v2/chats/${encodeURIComponent(chat)}/git/watch`;
  if (stale === true) relay.searchParams.set("stale", "ok");
  return relay;
}

/** In Node the socket is dialled as the agent's is: every step has a time limit, and says what failed. */
async function openSocket(url: URL, { token }: WatchOptions): Promise<Opening> {
  const isNode = typeof process === "object" && typeof process.versions?.node === "string";
  if (isNode) {
    const { dialWebSocket } = await import("../util/link/index.js");
    const headers: Record<string, string> = token === undefined ? {} : { "Coder-Session-Token": token };
    const onFailure = (failure: LinkFailure) => {
      opening.failure = failure;
    };
    const socket = dialWebSocket(url, DELTA_SUBPROTOCOL, { headers, limitMs: DIAL_LIMIT_MS, onFailure });
    const opening: Opening = { socket: socket as unknown as Socket };
    return opening;
  }
  if (token !== undefined) url.searchParams.set("coder_session_token", token);
  const Native = (globalThis as unknown as { WebSocket: new (url: URL, protocol: string) => Socket }).WebSocket;
  return { socket: new Native(url, DELTA_SUBPROTOCOL) };
}

function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
    signal?.addEventListener("abort", done, { once: true });
  });
}
