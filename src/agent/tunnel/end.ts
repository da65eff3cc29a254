import { CLOSE } from "../../protocol/index.js";
import { messageOf, systemCode, TreewireError } from "../../util/index.js";
import { type DialFailure, dialError } from "../../util/link/index.js";

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

/** RFC 6455, 7.1.5: there was no close frame. */
const NO_CLOSE_FRAME = 1006;

/** The connection did not come to be. @param host the relay's, with its port */
export function dialEnd(host: string, failure: DialFailure): End {
  if (failure.kind === "rejected") return rejectedEnd(host, `HTTP ${failure.status}`);
  // what the relay refuses besides the token (no such route) is no relay's tunnel
  const error = dialError(host, failure, "TW_RELAY_NONSENSE");
  const { retryAfterMs } = failure;
  return { kind: "failed", error, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/** The connection was closed. @param reason the close frame's, perhaps empty */
export function closeEnd(host: string, code: number, reason: string): End {
  const words = reason === "" ? `close code ${code}` : `close code ${code}, ${reason}`;
  if (code === CLOSE.tokenRevoked.code) return rejectedEnd(host, words);
  if (code === CLOSE.replaced.code) return { kind: "replaced" };
  if (code === NO_CLOSE_FRAME) return unreachableEnd(host, "the connection broke");
  return { kind: "closed", reason: words };
}

/** The socket reported an error after it was open. */
export function errorEnd(host: string, error: Error): FailedEnd {
  const code = systemCode(error);
  // ws has codes of its own for frames that are none
  if (code?.startsWith("WS_ERR_") === true) return nonsenseEnd(host, messageOf(error), error);
  return unreachableEnd(host, `the connection broke: ${code ?? messageOf(error)}`, error);
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
