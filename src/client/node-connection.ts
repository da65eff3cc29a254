import type { IncomingMessage } from "node:http";
import type { RawData } from "ws";
import { CLIENT_PING_MS, type LinkFailure, watchSilence } from "../util/link/browser.js";
import { type ConnectionOptions, closeFailure, HANDSHAKE_TIMEOUT_MS, SILENT, watchRefusal } from "./connection.js";

/** The largest frame that is taken: every repository of a chat at its limit is far below it. */
const MAX_FRAME_BYTES = 256 * 1024 * 1024;
/** What of a refusal's body is read, in UTF-16 code units. */
const MAX_REFUSAL_UNITS = 16 * 1024;
/** How long the goodbye to the relay may take, in milliseconds. */
const GOODBYE_MS = 500;

/**
 * Connects once, by the package `ws`: the WebSocket that newer Node.js has takes no headers, and sees no pings.
 *
 * @returns why it is over. Never rejects
 */
export async function connectInNode(options: ConnectionOptions): Promise<LinkFailure> {
  const { url, protocol, token, signal, clock } = options;
  const { WebSocket } = await import("ws");
  return new Promise((resolve) => {
    if (signal.aborted) return resolve({ step: "open", why: "stopped", isFinal: false });
    const socket = new WebSocket(url, protocol, {
      headers: token === undefined ? {} : { "Coder-Session-Token": token },
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      maxPayload: MAX_FRAME_BYTES,
      followRedirects: false,
    });
    let failure: LinkFailure | undefined;
    let isOpen = false;
    let bytesRead = () => 0;
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
    signal.addEventListener("abort", stop, { once: true });
    socket.on("upgrade", ({ socket: stream }) => {
      bytesRead = () => stream.bytesRead;
    });
    socket.on("open", () => {
      isOpen = true;
      stopWatching = watchSilence(bytesRead, () => fail(SILENT), clock);
      cancelPing = clock.after(CLIENT_PING_MS, ping);
      options.onOpen((text) => socket.send(text));
    });
    socket.on("message", (data: RawData, isBinary) => {
      const wrong = options.onMessage(isBinary ? undefined : String(data));
      if (wrong !== undefined) fail({ step: "open", why: wrong, isFinal: false });
    });
    socket.on("unexpected-response", (_request, response) => {
      void textOf(response).then((text) => {
        const header = (name: string) => response.headers[name]?.toString();
        fail(watchRefusal({ status: response.statusCode ?? 0, header, text }));
      });
    });
    socket.on("error", ({ message }) => {
      failure ??= { step: isOpen ? "open" : "address", why: message, isFinal: false };
    });
    socket.on("close", (code, reason) => {
      stopWatching();
      cancelPing();
      signal.removeEventListener("abort", stop);
      resolve(failure ?? closeFailure(code, reason.toString()));
    });
  });
}

/** The beginning of an answer's body; what has come of one that breaks off. */
function textOf(response: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const done = () => resolve(text);
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      text += chunk;
      if (text.length > MAX_REFUSAL_UNITS) done();
    });
    response.once("end", done).once("error", done).once("close", done);
  });
}
