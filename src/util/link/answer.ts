import type { LinkFailure } from "./failure.js";

/**
 * The header that every answer of a relay carries, with {@link RELAY_HEADER_VALUE} (docs/protocol.md): an answer without it
 * comes from something in between, and says nothing about the relay, its chats and its tokens.
 */
export const RELAY_HEADER = "Treewire-Relay";
export const RELAY_HEADER_VALUE = "1";

/** Who asks for more patience than this is asked again all the same: it may be a proxy that guesses. Milliseconds. */
export const MAX_RETRY_AFTER_MS = 5 * 60_000;

/** The longest text of somebody else's that is repeated, in UTF-16 code units. */
const MAX_WORDS = 200;

/** An HTTP answer to whoever wanted a connection. */
export interface Answer {
  status: number;
  /** @returns a header's value, by its name in lower case; `undefined` or `null` when the answer has none */
  header: (name: string) => string | null | undefined;
  /** The body, or its beginning. */
  text: string;
}

/** Whether it was the relay that answered. */
export function isOfRelay({ header }: Pick<Answer, "header">): boolean {
  return header(RELAY_HEADER.toLowerCase()) === RELAY_HEADER_VALUE;
}

/**
 * Whether an answer of the relay's own is one that does not get better by asking again (docs/protocol.md, "Answers before
 * the upgrade").
 *
 * @param message the error body's
 */
export function isLasting(status: number, message: string): boolean {
  if (status === 400) return message !== "Bad request." && !isAgentAway(status, message);
  return status === 401 || status === 403 || status === 404;
}

/** Whether an answer of the relay's own says that the workspace's agent is away. @param message the error body's */
export function isAgentAway(status: number, message: string): boolean {
  return status === 400 && message.startsWith("Agent state is ");
}

/** What an answer other than the wanted one means. */
export function refusalOf(answer: Answer): LinkFailure {
  const { status, header, text } = answer;
  const retryAfter = retryAfterMs(header("retry-after"));
  const common = { step: "upgrade" as const, status, ...(retryAfter !== undefined && { retryAfterMs: retryAfter }) };
  if (!isOfRelay(answer)) return { ...common, step: "proxy", isFinal: false, why: wordsForStranger(answer) };
  const message = messageIn(text);
  return {
    ...common,
    isFinal: isLasting(status, message ?? ""),
    ...(isAgentAway(status, message ?? "") && { isAgentAway: true }),
    why: message ?? `the relay answers with status ${status}`,
  };
}

/**
 * @param value of the header `Retry-After`: seconds, or a date, which counts for nothing, since clocks differ
 * @returns milliseconds, at most {@link MAX_RETRY_AFTER_MS}; `undefined` when it says nothing
 */
export function retryAfterMs(value: string | null | undefined): number | undefined {
  return /^\d+$/.test(value ?? "") ? Math.min(Number(value) * 1_000, MAX_RETRY_AFTER_MS) : undefined;
}

/** What to say of an answer that is not the relay's. */
export function wordsForStranger({ status, header }: Pick<Answer, "status" | "header">): string {
  const location = header("location");
  // without user, password and query, which may be secrets
  const moved = location && URL.canParse(location) ? new URL(location) : undefined;
  const to = moved === undefined ? "" : ` (moved to ${`${moved.origin}${moved.pathname}`.slice(0, MAX_WORDS)})`;
  return `a proxy, or another server, has answered with status ${status}${to}; it is not the relay`;
}

/** The message of an error body (docs/protocol.md). */
function messageIn(text: string): string | undefined {
  try {
    const body: unknown = JSON.parse(text);
    const isError = typeof body === "object" && body !== null && "message" in body && typeof body.message === "string";
    return isError ? String(body.message).slice(0, MAX_WORDS) : undefined;
  } catch {
    return undefined; // no JSON: the caller has words of its own
  }
}
