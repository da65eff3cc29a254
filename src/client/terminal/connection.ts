import { WebSocket } from "ws";
import { CLOSE, errorBodySchema, type ServerMessage, serverMessageSchema } from "../../protocol/index.js";
import { messageOf, TreewireError } from "../../util/index.js";

/** How one connection to a relay ended. */
export interface ConnectionEnd {
  /** Whether frames came before the end: then the next try may come soon. */
  wasOpen: boolean;
  /** In words, on one line. */
  why: string;
}

export interface ConnectionOptions {
  /** The watch URL of a chat, `ws:` or `wss:`. */
  url: string;
  token: string;
  /** Sends `refresh` when the socket opens. */
  refresh: boolean;
  onMessage: (message: ServerMessage) => void;
  /** Ends the connection; its promise resolves then. */
  signal: AbortSignal;
}

/** The largest frame that is taken: every repository of a chat at its limit is far below it. */
const MAX_FRAME_BYTES = 256 * 1024 * 1024;

/** How long an answer to the upgrade may take, in milliseconds. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** How long the relay may be silent (it pings every 15 s) before the connection is taken for dead, in milliseconds. */
const SILENCE_MS = 45_000;

/** What a refusal's body may have, in bytes; the rest is not read. */
const MAX_REFUSAL_BYTES = 16 * 1024;

/**
 * Connects once, and hands every message over until the connection ends.
 *
 * @returns how it ended, when coming back makes sense
 * @throws TreewireError when it does not: `TW_TOKEN_REJECTED`, `TW_RELAY_NONSENSE`, `TW_WATCH_REFUSED`
 */
export function connectOnce(options: ConnectionOptions): Promise<ConnectionEnd> {
  const { url, token, signal } = options;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return resolve({ wasOpen: false, why: "stopped" });
    const socket = new WebSocket(url, {
      headers: { "Coder-Session-Token": token },
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      maxPayload: MAX_FRAME_BYTES,
      followRedirects: false,
    });
    let wasOpen = false;
    let failure: string | undefined;
    let silence: NodeJS.Timeout | undefined;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => {
        failure = "the relay is silent";
        socket.terminate();
      }, SILENCE_MS).unref();
    };
    const fail = (error: TreewireError) => {
      reject(error);
      socket.terminate();
    };
    const stop = () => socket.close(1000);
    signal.addEventListener("abort", stop, { once: true });

    socket.on("open", () => {
      heard();
      if (options.refresh) socket.send('{"type":"refresh"}');
    });
    socket.on("ping", heard);
    socket.on("message", (data, isBinary) => {
      heard();
      const message = isBinary ? undefined : parse(String(data));
      if (message === undefined) {
        fail(new TreewireError("TW_RELAY_NONSENSE", url, { detail: "a frame that the protocol does not know" }));
        return;
      }
      wasOpen = true;
      options.onMessage(message);
    });
    socket.on("unexpected-response", (request, response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const answered = () => {
        const refusal = explain(url, response.statusCode ?? 0, Buffer.concat(chunks).toString("utf8"));
        request.destroy();
        if (refusal instanceof TreewireError) fail(refusal);
        else {
          failure = refusal;
          socket.terminate();
          resolve({ wasOpen, why: refusal });
        }
      };
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        chunks.push(chunk);
        if (size > MAX_REFUSAL_BYTES) answered();
      });
      response.once("end", answered);
      response.once("error", answered);
    });
    socket.on("error", (error) => {
      if (isNotWebSocket(error)) fail(new TreewireError("TW_RELAY_NONSENSE", url, { detail: messageOf(error) }));
      failure ??= messageOf(error);
    });
    socket.on("close", (code, reason) => {
      clearTimeout(silence);
      signal.removeEventListener("abort", stop);
      if (code === CLOSE.tokenRevoked.code) {
        reject(new TreewireError("TW_TOKEN_REJECTED", url, { detail: "revoked or expired" }));
      }
      const closed = `the relay closed the connection (${code}${reason.length > 0 ? `, ${reason.toString("utf8")}` : ""})`;
      resolve({ wasOpen, why: failure ?? closed });
    });
  });
}

/** What a refused upgrade means: an error to give up with, or words for a passing one. */
function explain(url: string, status: number, text: string): TreewireError | string {
  const body = parseBody(text);
  const said = body?.message ?? `status ${status}`;
  if (status === 401) return new TreewireError("TW_TOKEN_REJECTED", url, { detail: said });
  if (status === 429 || status >= 500) return said;
  if (body === undefined) return new TreewireError("TW_RELAY_NONSENSE", url, { detail: said });
  if (status === 400 && body.message.startsWith("Agent state is")) return said;
  return new TreewireError("TW_WATCH_REFUSED", url, { detail: said });
}

function isNotWebSocket(error: Error & { code?: string }): boolean {
  // node's HTTP parser and ws's handshake checks: whatever answered, it speaks another protocol
  return error.code?.startsWith("HPE_") === true || /^Invalid (Sec-WebSocket|Upgrade)|^Server sent/.test(error.message);
}

function parse(text: string): ServerMessage | undefined {
  try {
    return serverMessageSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // no JSON: the caller says so
  }
}

function parseBody(text: string): { message: string } | undefined {
  try {
    return errorBodySchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // no JSON: not a relay's form of an error
  }
}
