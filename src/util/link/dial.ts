import type { connect } from "node:net";
import type { Duplex } from "node:stream";
import { type ClientOptions, WebSocket } from "ws";
import { AddressBook } from "./addresses.js";
import { DialError, type DialFailure } from "./dial-failure.js";
import { answerFailure, readAnswer } from "./refusal.js";
import { type Certificates, openStream } from "./stream.js";
import { lateFailure, type Step, upgradeFailure } from "./words.js";

/** How to reach a relay, besides its address. */
export interface DialSettings extends Certificates {
  headers: Record<string, string>;
  /** The HTTP proxy on the way, `http:` or `https:`. */
  proxy?: URL | undefined;
  /** What is known of addresses. Default: what this process knows. */
  book?: AddressBook;
}

export interface DialOptions extends DialSettings {
  /** Until the upgrade is answered, in milliseconds. */
  limitMs: number;
  /** The socket's own, once it is open. */
  socket?: Pick<ClientOptions, "maxPayload" | "perMessageDeflate">;
  /**
   * Called once, before the socket's `close`, when the connection did not come to be, and not when it was closed or
   * terminated here.
   */
  onFailure: (failure: DialFailure) => void;
}

const processBook = new AddressBook();

/**
 * Opens a WebSocket to a relay. Every step of it (name, connection, proxy, TLS, upgrade) ends with the time limit, and with
 * the socket when that is terminated: nothing that is pending outlives the attempt. Redirects are not followed.
 *
 * @param url `ws:` or `wss:`
 * @returns the socket, which is connecting; failures come by `onFailure`, and whatever it does once it is open by its events
 */
export function dialWebSocket(url: URL, protocol: string | undefined, options: DialOptions): WebSocket {
  const { limitMs, onFailure, book = processBook, headers, socket: socketOptions } = options;
  const place = url.host;
  const attempt = new AbortController();
  let reached: { host: string; address: string } | undefined;
  let step: Step = { step: "name", pending: "" };

  const createConnection = (_options: unknown, done: (error: Error | null, stream?: Duplex) => void): undefined => {
    const opening = openStream({
      ...options,
      url,
      book,
      signal: attempt.signal,
      onStep: (next) => {
        step = next;
      },
      onAddress: (host, address) => {
        reached = { host, address };
      },
    });
    opening.then(
      (stream) => {
        step = { step: "upgrade", pending: `${place} did not answer the upgrade` };
        if (attempt.signal.aborted) stream.destroy();
        else done(null, stream);
      },
      (error: Error) => done(error),
    );
  };
  const socket = new WebSocket(url, protocol === undefined ? [] : [protocol], {
    ...socketOptions,
    headers,
    followRedirects: false,
    // Node's requests also take a function that calls back; ws's types know only those that return a socket
    createConnection: createConnection as unknown as typeof connect,
  });

  let isOver = false;
  const end = () => {
    isOver = true;
    clearTimeout(timer);
    attempt.abort();
  };
  const fail = (failure: DialFailure) => {
    if (isOver) return;
    end();
    onFailure(failure);
    socket.terminate();
  };
  const timer = setTimeout(() => fail(lateFailure(step, limitMs)), limitMs);
  socket.once("open", () => {
    clearTimeout(timer);
    isOver = true;
    if (reached !== undefined) book.served(reached.host, reached.address);
  });
  // one that takes the upgrade and then says nothing is no better than one that does not answer it
  let hasSpoken = false;
  socket.once("message", () => {
    hasSpoken = true;
  });
  socket.once("unexpected-response", (_request, response) => {
    void readAnswer(response).then((answer) => fail(answerFailure(answer)));
  });
  socket.on("error", (error) => {
    // of a socket that was terminated here nothing is to be said
    if (error.message.startsWith("WebSocket was closed before")) return;
    fail(error instanceof DialError ? error.failure : upgradeFailure(place, error));
  });
  socket.once("close", () => {
    end();
    if (reached !== undefined && !hasSpoken) book.failed(reached.host, reached.address);
  });
  return socket;
}
