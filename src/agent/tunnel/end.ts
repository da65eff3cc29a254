import { CLOSE } from "../../protocol/index.js";
import { type Answer, isOfRelay, messageOf, retryAfterMs, systemCode, TreewireError } from "../../util/index.js";

/** Why a connection is over. */
export type End =
  /** The token is not accepted (any more). */
  | { kind: "rejected"; error: TreewireError }
  /** Another agent has taken the workspace. */
  | { kind: "replaced" }
  | FailedEnd
  /** One of the two ends closed it in good order; worth another try. */
  | { kind: "closed"; reason: string };

/** It never came to be, or broke; worth another try. */
export interface FailedEnd {
  kind: "failed";
  error: TreewireError;
  /** The relay has said how long to stay away, in milliseconds. */
  retryAfterMs?: number;
}

/** The codes of OpenSSL and Node.js about a certificate that does not prove who the relay is. */
const UNTRUSTED = /^(CERT_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT_)/;
/** RFC 6455, 7.1.5: there was no close frame. */
const NO_CLOSE_FRAME = 1006;

/**
 * The upgrade was answered with another status than 101. That a token counts no longer is for the relay alone to say: a
 * proxy in between may want a login of its own, for a while.
 *
 * @param host the relay's, with its port
 */
export function refusalEnd(host: string, answer: Pick<Answer, "status" | "header">): End {
  const { status, header } = answer;
  if (status === 401 && isOfRelay(answer)) return rejectedEnd(host, "HTTP 401");
  // a relay that is being deployed, or throttles; anything else is no relay
  const passing = status === 429 || status >= 500;
  if (!passing) return nonsenseEnd(host, `HTTP ${status}`);
  const end = unreachableEnd(host, `HTTP ${status}`);
  const waitMs = retryAfterMs(header("retry-after"));
  return waitMs === undefined ? end : { ...end, retryAfterMs: waitMs };
}

/** The connection was closed. @param reason the close frame's, perhaps empty */
export function closeEnd(host: string, code: number, reason: string): End {
  const words = reason === "" ? `close code ${code}` : `close code ${code}, ${reason}`;
  if (code === CLOSE.tokenRevoked.code) return rejectedEnd(host, words);
  if (code === CLOSE.replaced.code) return { kind: "replaced" };
  if (code === NO_CLOSE_FRAME) return unreachableEnd(host, "the connection broke");
  return { kind: "closed", reason: words };
}

/** The socket reported an error. */
export function errorEnd(host: string, error: Error): FailedEnd {
  const code = systemCode(error);
  if (code !== undefined && UNTRUSTED.test(code)) {
    return { kind: "failed", error: new TreewireError("TW_RELAY_UNTRUSTED", host, { detail: code, cause: error }) };
  }
  // ws reports an answer that is no WebSocket handshake, and frames that are none, without a system's error code
  const nonsense = code === undefined ? isNonsense(error.message) : /^(HPE_|WS_ERR_)/.test(code);
  const detail = code !== undefined && !nonsense ? code : messageOf(error);
  return nonsense ? nonsenseEnd(host, detail, error) : unreachableEnd(host, detail, error);
}

/** Nobody answers there, for now. */
export function unreachableEnd(host: string, detail: string, cause?: unknown): FailedEnd {
  return { kind: "failed", error: new TreewireError("TW_RELAY_UNREACHABLE", host, { detail, cause }) };
}

/** What answers there does not speak the tunnel's protocol. */
export function nonsenseEnd(host: string, detail: string, cause?: unknown): FailedEnd {
  return { kind: "failed", error: new TreewireError("TW_RELAY_NONSENSE", host, { detail, cause }) };
}

function rejectedEnd(host: string, detail: string): End {
  return { kind: "rejected", error: new TreewireError("TW_TOKEN_REJECTED", host, { detail }) };
}

function isNonsense(message: string): boolean {
  return /subprotocol|Sec-WebSocket|Upgrade header|Invalid WebSocket/i.test(message);
}
