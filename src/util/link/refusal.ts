import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { DialFailure, FailureKind } from "./dial-failure.js";

/** The header by which a relay's own answers are told from those of what lies before it (docs/protocol.md). */
export const RELAY_HEADER = "Treewire-Relay";

/** What an answer's body may have, in bytes; the rest is not read. */
const MAX_BODY_BYTES = 16 * 1024;
/** What of another's words is repeated. Characters. */
const MAX_WORDS = 200;
/** Whoever asks for more patience than this is asked again all the same. Milliseconds. */
const MAX_RETRY_AFTER_MS = 10 * 60_000;

/** An answer to the upgrade that is no upgrade. */
export interface Answer {
  status: number;
  httpVersion: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Reads an answer; its body up to a limit, and as far as it comes. Never rejects. */
export function readAnswer(response: IncomingMessage): Promise<Answer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const answered = () => {
      const { statusCode = 0, httpVersion, headers } = response;
      resolve({ status: statusCode, httpVersion, headers, body: Buffer.concat(chunks).toString("utf8") });
    };
    response.on("data", (chunk: Buffer) => {
      chunks.push(chunk.subarray(0, MAX_BODY_BYTES - bytes));
      bytes += chunk.length;
      if (bytes >= MAX_BODY_BYTES) answered();
    });
    for (const event of ["end", "error", "close"]) response.once(event, answered);
  });
}

/**
 * What an answer to the upgrade means. Only the relay's own refusals can be final: a proxy's page says nothing about the
 * token or the chat.
 */
export function answerFailure(answer: Answer): DialFailure {
  const { status, headers } = answer;
  const isRelays = headers[RELAY_HEADER.toLowerCase()] !== undefined;
  const [kind, why] = isRelays ? relayWords(answer) : foreignWords(answer);
  const retryAfter = headers["retry-after"] ?? "";
  return {
    step: isRelays ? "upgrade" : "proxy",
    why,
    isFinal: kind === "rejected" || kind === "refused",
    kind,
    status,
    // a date counts for nothing, since clocks differ
    ...(/^\d+$/.test(retryAfter) && { retryAfterMs: Math.min(Number(retryAfter) * 1_000, MAX_RETRY_AFTER_MS) }),
  };
}

function relayWords(answer: Answer): [FailureKind, string] {
  const { status } = answer;
  const said = saidIn(answer.body) ?? `HTTP ${status}`;
  if (status === 401) return ["rejected", said];
  if (status === 426) {
    return ["nonsense", "a proxy in between takes out the upgrade: it has to speak HTTP/1.1 and pass Upgrade on"];
  }
  if (status === 400 && said.startsWith("Sub-protocol ")) {
    return ["nonsense", `the relay says: ${said} A proxy in between has taken out Sec-WebSocket-Protocol`];
  }
  const passes = status === 408 || status === 429 || status >= 500 || said.startsWith("Agent state is ");
  return passes ? ["unreachable", `HTTP ${status}: ${said}`] : ["refused", said];
}

function foreignWords({ status, httpVersion, headers, body }: Answer): [FailureKind, string] {
  const { location } = headers;
  if (status >= 300 && status < 400 && location !== undefined) {
    return ["nonsense", `HTTP ${status}, moved to ${words(location)}`];
  }
  const said = saidIn(body);
  const why =
    `HTTP ${status} from a proxy or another server${headers.server === undefined ? "" : `, ${words(String(headers.server))}`}` +
    `${httpVersion === "1.0" ? ", in HTTP/1.0, which knows no upgrade" : ""}${said === undefined ? "" : `: ${said}`}`;
  return [status === 429 || status >= 500 ? "unreachable" : "nonsense", why];
}

/** The `message` of an answer in JSON, which a relay's and many others' have. */
function saidIn(body: string): string | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null || !("message" in value)) return undefined;
    return typeof value.message === "string" && value.message !== "" ? words(value.message) : undefined;
  } catch {
    return undefined; // a page, or nothing
  }
}

/** Of somebody else's text, what may stand in a line of ours. */
function words(text: string): string {
  return text.slice(0, MAX_WORDS).replace(/\p{C}/gu, " ").trim();
}
