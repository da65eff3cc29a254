import { CLOSE } from "../protocol/browser.js";
import { type Answer, type Clock, type LinkFailure, refusalOf } from "../util/link/browser.js";

/** One WebSocket to a chat's stream, for Node.js and for pages. */
export interface ConnectionOptions {
  /** The watch URL, `ws:` or `wss:`. */
  url: URL;
  /** The sub-protocol. */
  protocol?: string;
  token?: string | undefined;
  /** It is open, and takes messages. */
  onOpen: (send: (text: string) => void) => void;
  /**
   * @param text a frame's; `undefined` for a binary one, which the protocol does not have
   * @returns what is wrong with it, if that is to end the connection
   */
  onMessage: (text: string | undefined) => string | undefined;
  /** Ends the connection. */
  signal: AbortSignal;
  clock: Clock;
}

/** How long the connection and the answer to the upgrade may take, in milliseconds. */
export const HANDSHAKE_TIMEOUT_MS = 15_000;

export const SILENT: LinkFailure = { step: "open", why: "nothing arrives on the connection", isFinal: false };

/** What it means that a plain GET of the watch URL is answered like this, after the upgrade has failed. */
export function watchRefusal(answer: Answer): LinkFailure {
  const failure = refusalOf(answer);
  if (answer.status !== 426) return failure;
  return { ...failure, why: `a proxy before the relay lets no WebSocket through (${failure.why})` };
}

/** What the end of an open connection means. @param reason the close frame's, perhaps empty */
export function closeFailure(code: number, reason: string): LinkFailure {
  const isFinal = Object.values(CLOSE).some((end) => end.code === code && !end.retry);
  return { step: "open", why: `the relay closed the connection (${code}${reason && `, ${reason}`})`, isFinal };
}
