import type { RawData } from "ws";
import { CLIENT_PING_MS, type CountedStream, type LinkFailure, watchSilence } from "../util/link/browser.js";
import { type ConnectionOptions, closeFailure, HANDSHAKE_TIMEOUT_MS, SILENT } from "./connection.js";

/** The largest frame that is taken: every repository of a chat at its limit is far below it. */
const MAX_FRAME_BYTES = 256 * 1024 * 1024;
/** How long the goodbye to the relay may take, in milliseconds. */
const GOODBYE_MS = 500;

/** What is sent and checked besides the token: headers, and PEM. */
export interface NodeReach {
  headers: Record<string, string>;
  ca?: string;
  cert?: string;
  key?: string;
}

export interface NodeConnectionOptions extends ConnectionOptions {
  reach?: NodeReach;
  /**
   * Asked after each message. Nothing more is read from the connection until the promise has settled, and the silence
   * meanwhile is nobody's death: the relay keeps the newest state for a slow reader.
   *
   * @returns `undefined` while messages can be taken
   */
  blocked?: () => Promise<void> | undefined;
}

/**
 * Connects once, as the agent dials, by the package `ws`: the WebSocket that newer Node.js has takes no headers, and sees no pings.
 *
 * @returns why it is over. Never rejects
 */
export async function connectInNode(options: NodeConnectionOptions): Promise<LinkFailure> {
  const { url, protocol, token, signal, clock } = options;
  const { dialWebSocket, dialWords } = await import("../util/link/index.js");
  return new Promise((resolve) => {
    if (signal.aborted) return resolve({ step: "open", why: "stopped", isFinal: false });
    let failure: LinkFailure | undefined;
    const socket = dialWebSocket(url, protocol, {
      ...options.reach,
      headers: { ...options.reach?.headers, ...(token !== undefined && { "Coder-Session-Token": token }) },
      limitMs: HANDSHAKE_TIMEOUT_MS,
      socket: { maxPayload: MAX_FRAME_BYTES },
      onFailure: (reason) => {
        failure ??= { ...reason, why: dialWords(reason) };
      },
    });
    let stream: CountedStream | undefined;
    let stopWatching = () => {};
    let cancelPing = () => {};
    const fail = (why: LinkFailure) => {
      failure ??= why;
      socket.terminate();
    };
    const stop = () => {
      socket.close(1000);
      setTimeout(() => socket.terminate(), GOODBYE_MS).unref();
    };
    const ping = () => {
      socket.ping();
      cancelPing = clock.after(CLIENT_PING_MS, ping);
    };
    const watch = () => {
      if (stream !== undefined) stopWatching = watchSilence(stream, () => fail(SILENT), { clock });
    };
    const pauseUntil = async (ready: Promise<void>) => {
      if (socket.isPaused) return;
      socket.pause();
      stopWatching();
      await ready;
      socket.resume();
      if (socket.readyState === socket.OPEN) watch();
    };
    signal.addEventListener("abort", stop, { once: true });
    socket.on("upgrade", (response) => {
      stream = response.socket;
    });
    socket.on("open", () => {
      watch();
      cancelPing = clock.after(CLIENT_PING_MS, ping);
      options.onOpen((text) => socket.send(text));
    });
    socket.on("message", (data: RawData, isBinary) => {
      const wrong = options.onMessage(isBinary ? undefined : String(data));
      if (wrong !== undefined) fail({ step: "open", why: wrong, isFinal: false });
      const ready = options.blocked?.();
      if (ready !== undefined) void pauseUntil(ready);
    });
    socket.on("error", ({ message }) => {
      failure ??= { step: "open", why: message, isFinal: false };
    });
    socket.on("close", (code, reason) => {
      stopWatching();
      cancelPing();
      signal.removeEventListener("abort", stop);
      resolve(failure ?? closeFailure(code, reason.toString()));
    });
  });
}
