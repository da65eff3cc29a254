import t from "tap";
import { answerFailure, type UpgradeAnswer } from "../../../src/util/link/refusal.js";

interface Parts {
  httpVersion?: string;
  headers?: Record<string, string>;
  text?: string;
}

const answer = (status: number, { httpVersion = "1.1", headers = {}, text = "" }: Parts = {}): UpgradeAnswer => ({
  status,
  httpVersion,
  header: (name) => headers[name],
  text,
});
/** An answer of the relay itself. */
const ofRelay = (status: number, message: string, headers: Record<string, string> = {}) =>
  answerFailure(answer(status, { headers: { "treewire-relay": "1", ...headers }, text: JSON.stringify({ message }) }));
/** What is said of an answer that is not the relay's. */
const stranger = (status: number, more = "") =>
  `a proxy, or another server, has answered with status ${status}${more}; it is not the relay`;

t.test("only the relay's own refusals are final", async (t) => {
  t.match(ofRelay(401, "Signed out."), { kind: "rejected", isFinal: true, status: 401, why: "Signed out." });
  t.match(ofRelay(403, "Forbidden."), { kind: "refused", isFinal: true, status: 403, why: "Forbidden." });
  t.match(ofRelay(400, "Chat is archived."), { kind: "refused", isFinal: true });
  t.match(ofRelay(404, "Not found"), { kind: "refused", isFinal: true, step: "upgrade" });
  for (const status of [200, 400, 401, 403, 404, 407, 429, 500, 502, 503]) {
    t.match(answerFailure(answer(status)), {
      isFinal: false,
      step: "proxy",
      status,
      why: stranger(status),
    });
  }
});

t.test("what the relay refuses for now is asked again, as late as it says", async (t) => {
  t.match(ofRelay(503, "The relay is shutting down.", { "retry-after": "1" }), {
    kind: "unreachable",
    isFinal: false,
    retryAfterMs: 1_000,
    why: "HTTP 503: The relay is shutting down.",
  });
  t.match(ofRelay(429, "Too many."), { kind: "unreachable", isFinal: false });
  t.match(ofRelay(400, "Bad request."), { kind: "unreachable", isFinal: false });
  t.match(ofRelay(405, "Method not allowed."), { kind: "unreachable", isFinal: false });
  t.match(ofRelay(400, 'Agent state is "timeout", it must be …'), {
    kind: "unreachable",
    isFinal: false,
    isAgentAway: true,
  });
  const stranger = answer(400, { text: '{"message":"Agent state is asleep"}' });
  t.equal(answerFailure(stranger).isAgentAway, undefined, "by the relay's own word alone");
  const after = (value: string) => answerFailure(answer(502, { headers: { "retry-after": value } })).retryAfterMs;
  t.equal(after("7"), 7_000, "a proxy's counts as well");
  t.equal(after("99999999"), 300_000, "five minutes at most");
  for (const value of ["", "soon", "-1", "Thu, 01 Jan 2099 00:00:00 GMT"]) t.equal(after(value), undefined, value);
});

t.test("what a proxy took out of the request is named", async (t) => {
  const altered = { kind: "altered", isFinal: false, step: "upgrade" };
  const subProtocol = "Sub-protocol treewire.tunnel.v1 is required.";
  t.match(ofRelay(400, subProtocol), { ...altered, why: `the relay says: ${subProtocol}` });
  t.match(ofRelay(426, "Upgrade required."), { ...altered, why: "the relay got a request without Upgrade" });
});

t.test("a proxy's answer is told with what it says of itself", async (t) => {
  const why = (status: number, more: Parts) => answerFailure(answer(status, more)).why;
  const moved = { headers: { location: "https://me:hush@else.example/base?token=hush" } };
  t.equal(why(301, moved), stranger(301, " (moved to https://else.example/base)"));
  t.equal(why(302, { headers: { location: "elsewhere" } }), stranger(302));
  t.equal(why(502, { headers: { server: "nginx/1.22.1" } }), `${stranger(502)}; nginx/1.22.1`);
  t.equal(why(404, { httpVersion: "1.0" }), `${stranger(404)}; in HTTP/1.0, which knows no upgrade`);
  t.equal(why(403, { text: '{"message":"Blocked."}' }), `${stranger(403)}; Blocked.`);
  for (const text of ["<h1>no</h1>", "null", "{}", '{"message":1}', '{"message":""}', "{"]) {
    t.equal(why(403, { text }), stranger(403), text);
  }
  const evil = why(403, { text: JSON.stringify({ message: `\x1b[2J\u202e${"x".repeat(1_000)}` }) });
  t.match(evil, /^[\x20-\x7e]{1,300}$/, "nothing of it drives a terminal, and it is not long");
});
