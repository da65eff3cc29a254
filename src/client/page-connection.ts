import type { LinkFailure } from "../util/link/browser.js";
import { type ConnectionOptions, closeFailure, HANDSHAKE_TIMEOUT_MS, SILENT, watchRefusal } from "./connection.js";

/** What of a page's WebSocket is used here. */
interface PageSocket {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(text: string): void;
  close(): void;
}

/** How long a relay may be silent that has not said when it speaks next: it speaks every 30 s. Milliseconds. */
const UNTOLD_SILENCE_MS = 75_000;
/** What a message may be late by, in milliseconds. */
const LATE_MS = 12_000;
/** The longest that a relay may say to be silent, in milliseconds. */
const MAX_NEXT_MS = 60_000;
/** How often the patience is doubled at most. */
const MAX_DOUBLINGS = 4;

/**
 * How long a page waits for the next message. It sees neither pings nor the bytes of a message that is under way; so one
 * that waited in vain waits twice as long the next time, lest a large message never come through a slow link.
 */
export class PagePatience {
  #nextMs: number | undefined;
  #doublings = 0;

  get limitMs(): number {
    const expectedMs = this.#nextMs === undefined ? UNTOLD_SILENCE_MS : this.#nextMs + LATE_MS;
    return expectedMs * 2 ** this.#doublings;
  }

  connecting(): void {
    this.#nextMs = undefined;
  }

  /** Everything has come. @param nextMs within how many milliseconds the relay speaks again, if it says so */
  checked(nextMs: number | undefined): void {
    this.#nextMs = nextMs === undefined ? undefined : Math.min(nextMs, MAX_NEXT_MS);
    this.#doublings = 0;
  }

  waitedInVain(): void {
    this.#doublings = Math.min(this.#doublings + 1, MAX_DOUBLINGS);
  }
}

/**
 * Connects once, by the page's own WebSocket.
 *
 * @returns why it is over. Never rejects
 */
export async function connectInPage(options: ConnectionOptions, patience: PagePatience): Promise<LinkFailure> {
  const url = new URL(options.url);
  // pages cannot set a header
  if (options.token !== undefined) url.searchParams.set("coder_session_token", options.token);
  patience.connecting();
  const failure = await hold(url, options, patience);
  if (failure.step === "open" || options.signal.aborted) return failure;
  return (await askWhy(url, options)) ?? failure;
}

function hold(url: URL, options: ConnectionOptions, patience: PagePatience): Promise<LinkFailure> {
  const { protocol, signal, clock } = options;
  const Socket = (globalThis as unknown as { WebSocket: new (url: URL, protocol?: string) => PageSocket }).WebSocket;
  return new Promise((resolve) => {
    const socket = new Socket(url, protocol);
    let isOpen = false;
    const end = (failure: LinkFailure) => {
      cancel();
      signal.removeEventListener("abort", stop);
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
      resolve(failure);
    };
    const stop = () => end({ step: "open", why: "stopped", isFinal: false });
    const notOpen = (why: string): LinkFailure => ({ step: "upgrade", why, isFinal: false });
    let cancel = clock.after(HANDSHAKE_TIMEOUT_MS, () => end(notOpen("the relay does not answer")));
    const heard = () => {
      isOpen = true;
      cancel();
      cancel = clock.after(patience.limitMs, () => {
        patience.waitedInVain();
        end(SILENT);
      });
    };
    signal.addEventListener("abort", stop, { once: true });
    options.onOpen((text) => socket.send(text));
    socket.onopen = heard;
    socket.onmessage = ({ data }) => {
      const wrong = options.onMessage(typeof data === "string" ? data : undefined);
      if (wrong !== undefined) end({ step: "open", why: wrong, isFinal: false });
      else heard();
    };
    socket.onclose = ({ code, reason }) => end(isOpen ? closeFailure(code, reason) : notOpen("the connection failed"));
  });
}

/**
 * Pages are not told why an upgrade failed; the same URL, asked for by a plain GET, is refused in the same words.
 *
 * @returns `undefined` when that fails as well: the page's origin may be another, whose answers it may not read
 */
async function askWhy(url: URL, { signal, clock }: ConnectionOptions): Promise<LinkFailure | undefined> {
  const asking = new AbortController();
  const stop = () => asking.abort();
  const cancel = clock.after(HANDSHAKE_TIMEOUT_MS, stop);
  signal.addEventListener("abort", stop, { once: true });
  try {
    // the types are those of Node.js, which keeps nothing
    const asPage = { credentials: "include", cache: "no-store" } as const;
    const response = await fetch(url.href.replace(/^ws/, "http"), { ...asPage, signal: asking.signal });
    const header = (name: string) => response.headers.get(name);
    return watchRefusal({ status: response.status, header, text: await response.text() });
  } catch {
    return undefined; // the failure of the WebSocket says as much
  } finally {
    cancel();
    signal.removeEventListener("abort", stop);
  }
}
