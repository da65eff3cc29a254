import type { Duplex } from "node:stream";
import { z } from "zod";

/** The contract's form of an error body. */
export const errorBodySchema = z.object({
  message: z.string(),
  detail: z.string().optional(),
  validations: z.array(z.object({ field: z.string(), detail: z.string() })).optional(),
});
export type ErrorBody = z.infer<typeof errorBodySchema>;

/** An answer that refuses a request, before or without an upgrade. */
export interface Refusal {
  status: number;
  body: ErrorBody;
  headers?: Record<string, string>;
}

/** The wire contract's words. Clients match the 400 texts to the letter. */
export const REFUSALS = {
  invalidChatId: {
    status: 400,
    body: { message: "Invalid chat ID.", validations: [{ field: "chat", detail: "Must be a UUID." }] },
  },
  signedOut: {
    status: 401,
    body: { message: "You are signed out or your session has expired. Please sign in again to continue." },
  },
  forbidden: { status: 403, body: { message: "Forbidden." } },
  notFound: {
    status: 404,
    body: { message: "Resource not found or you do not have access to this resource" },
  },
  noWorkspace: { status: 400, body: { message: "Chat has no workspace to watch." } },
  workspaceNotFound: { status: 400, body: { message: "Chat workspace not found." } },
  archived: { status: 400, body: { message: "Chat is archived." } },
  upgradeRequired: {
    status: 426,
    body: { message: "Upgrade required." },
    headers: { Upgrade: "websocket", Connection: "Upgrade" },
  },
  noSuchRoute: { status: 404, body: { message: "Route not found." } },
  badRequest: { status: 400, body: { message: "Bad request." } },
  goingAway: { status: 503, body: { message: "The relay is shutting down." }, headers: { "Retry-After": "1" } },
} as const satisfies Record<string, Refusal>;

/** @param state the agent's, in Coder's words: `connecting`, `disconnected`, `timeout` */
export function agentNotConnected(state: string): Refusal {
  return {
    status: 400,
    body: { message: `Agent state is "${state}", it must be in the "connected" state.` },
  };
}

const REASONS: Record<number, string> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  426: "Upgrade Required",
  429: "Too Many Requests",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/** Answers an upgrade request with an error over its bare socket, and ends it. */
export function refuseUpgrade(socket: Duplex, { status, body, headers = {} }: Refusal): void {
  const text = JSON.stringify(body);
  const lines = Object.entries({
    ...headers,
    "Content-Type": "application/json; charset=utf-8",
    "Content-Length": String(Buffer.byteLength(text)),
    Connection: "close",
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.once("finish", () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${REASONS[status] ?? "Error"}\r\n${lines.join("")}\r\n${text}`);
}
