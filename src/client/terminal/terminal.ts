import { idSchema, type ServerMessage, serverMessageSchema } from "../../protocol/index.js";
import {
  type Clock,
  colorsFor,
  LinkLoop,
  type RetryDelay,
  standardLines,
  systemClock,
  TreewireError,
} from "../../util/index.js";
import { connectInNode } from "../node-connection.js";
import { printableLine, renderMessage } from "./render.js";

export interface TerminalOptions {
  /** The relay, `http:`, `https:`, `ws:` or `wss:`, with the path that it may live under. */
  url: string;
  chat: string;
  token: string;
  /** JSON lines, as they come, in place of text for people. */
  json: boolean;
  /** Ask for a fresh look when the connection opens. */
  refresh: boolean;
  /** Default: standard output and standard error. */
  stdout?: Output;
  stderr?: Output;
  /** Says whether colours are wanted (`NO_COLOR`, `TERM`). Default: the process's. */
  env?: NodeJS.ProcessEnv;
  /** Ends it. */
  signal: AbortSignal;
}

/** Where text goes: a terminal, a file or a pipe. */
export interface Output {
  /** @returns `false` when it is full */
  write(text: string): unknown;
  /** Called once, when it is no longer full. */
  once?(event: "drain", listener: () => void): unknown;
  isTTY?: boolean;
}

/** One for each connection; the frame that answers it names it, and is shown to be the answer. */
const REFRESH = '{"type":"refresh","id":"terminal"}';

/** What tests put in the place of the world's. */
export interface TerminalParts {
  clock?: Clock;
  retryDelay?: Pick<RetryDelay, "next">;
}

/**
 * Shows a chat's live diff until the signal comes, and connects again, with growing and jittered delays, whenever the
 * connection is lost. Says on standard error when it is lost, why, and when it is there again. While standard output
 * takes nothing, nothing is read from the relay either, and no connection is made.
 *
 * @throws TreewireError when the relay itself refuses, or `TW_BAD_USAGE`, `TW_BAD_URL`: `TW_TOKEN_REJECTED`,
 *   `TW_WATCH_REFUSED`. Where it had been of use before, it was asked again for a minute
 */
export async function watchInTerminal(options: TerminalOptions, parts: TerminalParts = {}): Promise<void> {
  const { stdout = process.stdout, stderr = standardLines(2), token, signal } = options;
  const { clock = systemClock, retryDelay } = parts;
  const url = watchUrl(options.url, options.chat);
  const colors = colorsFor(stdout, options.env);
  let isLost = false;
  let blocked: Promise<void> | undefined;
  const print = (text: string) => {
    if (stdout.write(text) !== false || blocked !== undefined) return;
    blocked = drained(stdout, signal).then(() => {
      blocked = undefined;
    });
  };
  const loop = new LinkLoop({
    connect: async (attempt) => {
      await blocked;
      return connectInNode({
        url: new URL(url),
        token,
        signal,
        clock,
        blocked: () => blocked,
        onOpen: (send) => options.refresh && send(REFRESH),
        onMessage: (text) => {
          const message = text === undefined ? undefined : parse(text);
          if (message === undefined) return "the relay has sent a frame that the protocol does not know";
          attempt.served();
          if (isLost) stderr.write("connected again\n");
          isLost = false;
          print(options.json ? `${JSON.stringify(message)}\n` : renderMessage(message, Date.now(), colors));
          return undefined;
        },
      });
    },
    signal,
    onFailure: ({ why }, { isNew }) => {
      if (isNew) stderr.write(`${printableLine(why)}; trying again\n`);
      isLost = true;
    },
    clock,
    ...(retryDelay !== undefined && { retryDelay }),
  });
  const final = await loop.run();
  if (final === undefined) return;
  // a refused token is told by 401 before the connection, by 4003 on it
  const isToken = final.status === 401 || final.step === "open";
  throw new TreewireError(isToken ? "TW_TOKEN_REJECTED" : "TW_WATCH_REFUSED", url, { detail: final.why });
}

/**
 * The WebSocket URL of a chat's git stream.
 *
 * @throws TreewireError `TW_BAD_URL`, `TW_BAD_USAGE`
 */
export function watchUrl(relay: string, chat: string): string {
  const id = idSchema.safeParse(chat).data;
  if (id === undefined) throw new TreewireError("TW_BAD_USAGE", chat, { detail: "not a chat's UUID" });
  if (!URL.canParse(relay)) throw new TreewireError("TW_BAD_URL", relay);
  const url = new URL(relay);
  const protocol = { "http:": "ws:", "ws:": "ws:", "https:": "wss:", "wss:": "wss:" }[url.protocol];
  if (protocol === undefined || url.host === "") throw new TreewireError("TW_BAD_URL", relay);
  const path = url.pathname.replace(/\/+$/, "");
  return `${protocol}//${url.host}${path}/api/v2/chats/${id}/git/watch`;
}

/** Settles when a full output takes text again, or the signal comes. */
function drained(output: Output, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      signal.removeEventListener("abort", done);
      resolve();
    };
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted || output.once === undefined) done();
    else output.once("drain", done);
  });
}

function parse(text: string): ServerMessage | undefined {
  try {
    return serverMessageSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // no JSON: the caller says so
  }
}
