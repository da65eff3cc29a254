import type { IncomingMessage } from "node:http";
import { withoutCredentials } from "../secrets/credentials.js";
import { type Answer, isAgentAway, isLasting, isOfRelay, retryAfterMs, wordsForStranger } from "./answer.js";
import type { DialFailure, FailureKind } from "./dial-failure.js";

/** What an answer's body may have, in bytes; the rest is not read. */
const MAX_BODY_BYTES = 16 * 1024;
/** What of another's words is repeated. Characters. */
const MAX_WORDS = 200;

/** An answer to the upgrade that is no upgrade. */
export interface UpgradeAnswer extends Answer {
  /** As the status line has it: `1.0` knows no upgrade. */
  httpVersion: string;
}

/** Reads an answer; its body up to a limit, and as far as it comes. Never rejects. */
export function readAnswer(response: IncomingMessage): Promise<UpgradeAnswer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const answered = () => {
      const { statusCode: status = 0, httpVersion, headers } = response;
      const header = (name: string) => headers[name]?.toString();
      resolve({ status, httpVersion, header, text: Buffer.concat(chunks).toString("utf8") });
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
export function answerFailure(answer: UpgradeAnswer): DialFailure {
  const { status, header } = answer;
  const isRelays = isOfRelay(answer);
  const [kind, why] = isRelays ? relayWords(answer) : foreignWords(answer);
  const waitMs = retryAfterMs(header("retry-after"));
  return {
    step: isRelays ? "upgrade" : "proxy",
    why,
    isFinal: kind === "rejected" || kind === "refused",
    kind,
    status,
    ...(isRelays && isAgentAway(status, saidIn(answer.text) ?? "") && { isAgentAway: true }),
    ...(waitMs !== undefined && { retryAfterMs: waitMs }),
  };
}

function relayWords(answer: UpgradeAnswer): [FailureKind, string] {
  const { status } = answer;
  const said = saidIn(answer.text) ?? `HTTP ${status}`;
  if (status === 401) return ["rejected", said];
  // these the relay says of a request that lacks what was sent
  if (status === 426) return ["altered", "the relay got a request without Upgrade"];
  if (status === 400 && said.startsWith("Sub-protocol ")) return ["altered", `the relay says: ${said}`];
  return isLasting(status, said) ? ["refused", said] : ["unreachable", `HTTP ${status}: ${said}`];
}

function foreignWords(answer: UpgradeAnswer): [FailureKind, string] {
  const { status, httpVersion, header } = answer;
  const server = header("server");
  const said = saidIn(answer.text);
  const details = [
    ...(server ? [words(server)] : []),
    ...(httpVersion === "1.0" ? ["in HTTP/1.0, which knows no upgrade"] : []),
    ...(said === undefined ? [] : [said]),
  ];
  const why = [wordsForStranger(answer), ...details].join("; ");
  return [status === 429 || status >= 500 ? "unreachable" : "nonsense", why];
}

/** The `message` of an answer in JSON, which a relay's and many others' have. */
function saidIn(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("message" in value)) return undefined;
    return typeof value.message === "string" && value.message !== "" ? words(value.message) : undefined;
  } catch {
    return undefined; // a page, or nothing
  }
}

/** Of somebody else's text, what may stand in a line of ours. */
function words(text: string): string {
  return withoutCredentials(text.slice(0, MAX_WORDS).replace(/\p{C}/gu, " ").trim());
}
