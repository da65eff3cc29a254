import { CLOSE, type ServerMessage, serverMessageSchema } from "../../protocol/index.js";
import { messageOf, systemCode, TreewireError } from "../../util/index.js";
import { dialError, dialWebSocket } from "../../util/link/index.js";

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

/** Until the upgrade is answered, in milliseconds. */
const DIAL_LIMIT_MS = 15_000;

/** How long the relay may be silent (it pings every 15 s) before the connection is taken for dead, in milliseconds. */
const SILENCE_MS = 45_000;

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
    let wasOpen = false;
    let failure: string | undefined;
    let silence: NodeJS.Timeout | undefined;
    const socket = dialWebSocket(new URL(url), undefined, {
      headers: { "Coder-Session-Token": token },
      limitMs: DIAL_LIMIT_MS,
      socket: { maxPayload: MAX_FRAME_BYTES },
      onFailure: (refusal) => {
        failure = refusal.why;
        if (refusal.isFinal || refusal.kind === "nonsense") reject(dialError(url, refusal, "TW_WATCH_REFUSED"));
      },
    });
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
    socket.on("error", (error) => {
      failure ??= `the connection broke: ${systemCode(error) ?? messageOf(error)}`;
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

function parse(text: string): ServerMessage | undefined {
  try {
    return serverMessageSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // no JSON: the caller says so
  }
}
