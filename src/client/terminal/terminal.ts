import { setTimeout as delay } from "node:timers/promises";
import { idSchema, type ServerMessage } from "../../protocol/index.js";
import { Backoff, colorsFor, standardLines, TreewireError } from "../../util/index.js";
import { connectOnce } from "./connection.js";
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
  write(text: string): unknown;
  isTTY?: boolean;
}

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 15_000;

/**
 * Shows a chat's live diff until the signal comes, and connects again, with growing and jittered delays, whenever the
 * connection is lost.
 *
 * @throws TreewireError when trying again would not help: `TW_BAD_USAGE`, `TW_BAD_URL`, `TW_TOKEN_REJECTED`,
 *   `TW_WATCH_REFUSED`, `TW_RELAY_NONSENSE`
 */
export async function watchInTerminal(options: TerminalOptions): Promise<void> {
  const { stdout = process.stdout, stderr = standardLines(2), signal } = options;
  const url = watchUrl(options.url, options.chat);
  const colors = colorsFor(stdout, options.env);
  const onMessage = (message: ServerMessage) => {
    stdout.write(options.json ? `${JSON.stringify(message)}\n` : renderMessage(message, Date.now(), colors));
  };
  const backoff = new Backoff({ firstMs: FIRST_RETRY_MS, capMs: MAX_RETRY_MS });
  let lastReason = "";
  while (!signal.aborted) {
    const end = await connectOnce({ ...options, url, onMessage });
    if (signal.aborted) return;
    if (end.wasOpen) backoff.reset();
    if (end.wasOpen || end.why !== lastReason) stderr.write(`${printableLine(end.why)}; trying again\n`);
    lastReason = end.why;
    // the shortest wait keeps a relay that refuses at once from being asked in a loop
    await delay(100 + backoff.next(), undefined, { signal }).catch(() => undefined);
  }
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
