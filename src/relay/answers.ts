import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { ErrorBody } from "../protocol/index.js";
import { RELAY_HEADER, RELAY_HEADER_VALUE } from "../util/index.js";
import type { Unmet } from "./store/index.js";

/** An answer that refuses a request, before or without an upgrade. */
export interface Refusal {
  status: number;
  body: ErrorBody;
  headers?: Record<string, string>;
}

/** What every answer of the relay carries, so that nobody takes a proxy's word for the relay's (docs/protocol.md). */
export const OF_RELAY = { [RELAY_HEADER]: RELAY_HEADER_VALUE };

/** A refusal on its way up to the HTTP server's error handler. */
export class RefusedError extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.body.message);
    this.refusal = refusal;
  }
}

/** What was asked for. @throws RefusedError when it was refused */
export function accept<T>(answer: { ok: T; refusal?: never } | { ok?: never; refusal: Refusal }): T {
  if (answer.refusal) throw new RefusedError(answer.refusal);
  return answer.ok;
}

/** The most that an uploaded file may have, in bytes. */
export const MAX_FILE_BYTES = 10 * 1024 * 1024;

/** What a chat file may be. */
export const FILE_TYPES = ["image/png", "image/jpeg", "image/gif", "image/webp"] as const;

/** What it may be beside that where the operator says so. */
export const OTHER_FILE_TYPES = [
  ...(["text/plain", "text/markdown", "text/csv", "application/json", "application/pdf", "image/svg+xml"] as const),
];

function refusal(status: number, message: string, detail?: string): Refusal {
  return { status, body: { message, ...(detail !== undefined && { detail }) } };
}

/** The texts of docs/protocol.md. Clients match those with 400 to the letter. */
export const REFUSALS = {
  invalidChatId: {
    status: 400,
    body: { message: "Invalid chat ID.", validations: [{ field: "chat", detail: "Must be a UUID." }] },
  },
  invalidCompare: {
    status: 400,
    body: {
      message: "Invalid comparison.",
      validations: [{ field: "compare", detail: "Must be head, base, ref:NAME or commit:OID." }],
    },
  },
  signedOut: refusal(401, "You are signed out or your session has expired. Please sign in again to continue."),
  inviteRejected: refusal(401, "This invite is used, expired or unknown. Ask for a new one."),
  noInvites: refusal(403, "Forbidden.", "This relay's chats are another server's: it has no invites."),
  forbidden: refusal(403, "Forbidden."),
  notFound: refusal(404, "Resource not found or you do not have access to this resource"),
  noWorkspace: refusal(400, "Chat has no workspace to watch."),
  workspaceNotFound: refusal(400, "Chat workspace not found."),
  archived: refusal(400, "Chat is archived."),
  upgradeRequired: {
    ...refusal(426, "Upgrade required."),
    headers: { Upgrade: "websocket", Connection: "Upgrade" },
  },
  alreadyArchived: refusal(400, "Chat is already archived."),
  notArchived: refusal(400, "Chat is not archived."),
  notRoot: refusal(400, "Chat archive state can only be changed on the root chat."),
  noOrganization: refusal(400, "Missing organization query parameter."),
  invalidOrganization: refusal(400, "Invalid organization ID."),
  fileTooLarge: refusal(413, "File too large.", `Maximum file size is ${MAX_FILE_BYTES} bytes.`),
  tooManyUploads: { ...refusal(429, "Too many uploads under way."), headers: { "Retry-After": "10" } },
  uploadsBusy: { ...refusal(503, "Too many uploads under way."), headers: { "Retry-After": "10" } },
  insufficientStorage: refusal(507, "Insufficient storage."),
  invalidFileId: refusal(400, "Invalid file ID."),
  methodNotAllowed: refusal(405, "Method not allowed."),
  unsupportedMediaType: refusal(415, "Unsupported media type.", "Send application/json."),
  noSuchRoute: refusal(404, "Route not found."),
  headersTooLarge: refusal(431, "Request headers too large."),
  requestTimeout: refusal(408, "The request took too long."),
  internal: refusal(500, "Internal error."),
  badRequest: refusal(400, "Bad request."),
  tooManyRequests: refusal(429, "Too many requests."),
  tooManySockets: { ...refusal(429, "Too many open sockets."), headers: { "Retry-After": "30" } },
  badGateway: refusal(502, "Bad gateway.", "The upstream cannot be reached, or answers nonsense."),
  gatewayTimeout: refusal(504, "Gateway timeout.", "The upstream did not answer in time."),
  storeTrouble: {
    ...refusal(503, "The relay's store is in trouble.", "Try again later; what was acknowledged is kept."),
    headers: { "Retry-After": "5" },
  },
  goingAway: { ...refusal(503, "The relay is shutting down."), headers: { "Retry-After": "1" } },
} as const satisfies Record<string, Refusal>;

/** What a caller is told whose write depended on something that does not hold. */
export const UNMET: Record<Unmet, Refusal> = {
  "token-ended": REFUSALS.signedOut,
  "no-such-chat": REFUSALS.notFound,
  "not-root": REFUSALS.notRoot,
  "already-archived": REFUSALS.alreadyArchived,
  "not-archived": REFUSALS.notArchived,
};

/** An uploaded file is of another type than these. */
export function refusalOfType(types: readonly string[]): Refusal {
  return refusal(400, "Unsupported file type.", `Allowed types: ${types.join(", ")}.`);
}

/**
 * Over the budget of an owner or an organization for files.
 *
 * @param parts bytes: those that are used or held by other uploads, those of this one, and those that there may be
 */
export function quotaExceeded(parts: {
  scope: "owner" | "organization";
  used: number;
  needed: number;
  limit: number;
}): Refusal {
  const { scope, used, needed, limit } = parts;
  const detail = `The files of the ${scope} use ${used} of ${limit} bytes; this one needs ${needed} more.`;
  return refusal(413, "File quota exceeded.", detail);
}

/** @param state the agent's, in Coder's words: `connecting`, `disconnected`, `timeout` */
export function agentNotConnected(state: string): Refusal {
  return {
    status: 400,
    body: { message: `Agent state is "${state}", it must be in the "connected" state.` },
  };
}

/** Answers an upgrade request with an error over its bare socket, and ends it. */
export function refuseUpgrade(socket: Duplex, { status, body, headers = {} }: Refusal): void {
  const text = JSON.stringify(body);
  const lines = Object.entries({
    ...headers,
    ...OF_RELAY,
    "Content-Type": "application/json; charset=utf-8",
    "Content-Length": String(Buffer.byteLength(text)),
    Connection: "close",
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.once("finish", () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Error"}\r\n${lines.join("")}\r\n${text}`);
}
