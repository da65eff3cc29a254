import { request as requestHttp } from "node:http";
import type { Duplex } from "node:stream";
import { AddressBook } from "./addresses.js";
import type { DialSettings } from "./dial.js";
import { DialError, type DialFailure } from "./dial-failure.js";
import { answerFailure, readAnswer, type UpgradeAnswer } from "./refusal.js";
import { openStream } from "./stream.js";
import { lateFailure, type Step, upgradeFailure } from "./words.js";

/** What came of a request: the relay's own answer, or why there is none. */
export type Posted = { ok: UpgradeAnswer; failure?: never } | { ok?: never; failure: DialFailure };

/**
 * Posts JSON to a relay, on the way that a WebSocket to it would take: proxy, certificates and addresses count alike.
 * Redirects are not followed, since what is sent may be a secret.
 *
 * @param url `http:` or `https:`
 * @param limitMs for all of it
 * @returns the answer, whatever its status, when it is the relay's own; never rejects
 */
export async function postJson(
  url: URL,
  body: unknown,
  { limitMs, ...settings }: DialSettings & { limitMs: number },
): Promise<Posted> {
  const attempt = new AbortController();
  let step: Step = { step: "name", pending: "" };
  let late: DialFailure | undefined;
  const timer = setTimeout(() => {
    late = lateFailure(step, limitMs);
    attempt.abort();
  }, limitMs);
  try {
    const stream = await openStream({
      ...settings,
      url: new URL(url.href.replace(/^http/, "ws")),
      book: settings.book ?? new AddressBook(),
      signal: attempt.signal,
      onStep: (next) => {
        step = next;
      },
      onAddress: () => undefined,
    });
    step = { step: "upgrade", pending: `${url.host} did not answer` };
    const answer = await send(stream, url, JSON.stringify(body), settings.headers, attempt.signal);
    const failure = answerFailure(answer);
    return failure.step === "proxy" ? { failure } : { ok: answer };
  } catch (error) {
    if (late !== undefined) return { failure: late };
    return { failure: error instanceof DialError ? error.failure : upgradeFailure(url.host, error) };
  } finally {
    clearTimeout(timer);
  }
}

function send(
  stream: Duplex,
  url: URL,
  body: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<UpgradeAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = requestHttp({
      method: "POST",
      path: url.pathname,
      // the stream is secure already where it has to be
      createConnection: () => stream,
      signal,
      headers: {
        ...headers,
        Host: url.host,
        "Content-Type": "application/json",
        "Content-Length": Buffer.byteLength(body),
        Connection: "close",
      },
    });
    outgoing.once("response", (response) => void readAnswer(response).then(resolve));
    outgoing.once("error", reject);
    outgoing.end(body);
  });
}
