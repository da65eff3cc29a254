import t from "tap";
import { type Answer, answerFailure } from "../../../src/util/link/refusal.js";

const answer = (status: number, more: Partial<Answer> = {}): Answer => ({
  status,
  httpVersion: "1.1",
  headers: {},
  body: "",
  ...more,
});
/** An answer of the relay itself. */
const ofRelay = (status: number, message: string, headers: Record<string, string> = {}) =>
  answerFailure(answer(status, { headers: { "treewire-relay": "1", ...headers }, body: JSON.stringify({ message }) }));
const STRANGER = "from a proxy or another server";

t.test("only the relay's own refusals are final", async (t) => {
  t.match(ofRelay(401, "Signed out."), { kind: "rejected", isFinal: true, status: 401, why: "Signed out." });
  t.match(ofRelay(403, "Forbidden."), { kind: "refused", isFinal: true, status: 403, why: "Forbidden." });
  t.match(ofRelay(404, "Not found"), { kind: "refused", isFinal: true, step: "upgrade" });
  for (const status of [200, 400, 401, 403, 404, 407, 429, 500, 502, 503]) {
    t.match(answerFailure(answer(status)), {
      isFinal: false,
      step: "proxy",
      status,
      why: `HTTP ${status} ${STRANGER}`,
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
  t.match(ofRelay(400, 'Agent state is "timeout", it must be …'), { kind: "unreachable", isFinal: false });
  const after = (value: string) => answerFailure(answer(502, { headers: { "retry-after": value } })).retryAfterMs;
  t.equal(after("7"), 7_000, "a proxy's counts as well");
  t.equal(after("99999999"), 600_000, "ten minutes at most");
  for (const value of ["", "soon", "-1", "Thu, 01 Jan 2099 00:00:00 GMT"]) t.equal(after(value), undefined, value);
});

t.test("what a proxy took out of the request is named", async (t) => {
  t.match(ofRelay(400, "Sub-protocol treewire.tunnel.v1 is required."), {
    kind: "nonsense",
    isFinal: false,
    why: /^the relay says: Sub-protocol treewire\.tunnel\.v1 is required\. A proxy in between has taken out Sec-WebSocket-P/,
  });
  t.match(ofRelay(426, "Upgrade required."), {
    kind: "nonsense",
    isFinal: false,
    why: /a proxy in between takes out the/,
  });
});

t.test("a proxy's answer is told with what it says of itself", async (t) => {
  const why = (status: number, more: Partial<Answer>) => answerFailure(answer(status, more)).why;
  t.equal(why(301, { headers: { location: "https://else.example/" } }), "HTTP 301, moved to https://else.example/");
  t.equal(why(302, {}), `HTTP 302 ${STRANGER}`);
  t.equal(why(502, { headers: { server: "nginx/1.22.1" } }), `HTTP 502 ${STRANGER}, nginx/1.22.1`);
  t.equal(why(404, { httpVersion: "1.0" }), `HTTP 404 ${STRANGER}, in HTTP/1.0, which knows no upgrade`);
  t.equal(why(403, { body: '{"message":"Blocked."}' }), `HTTP 403 ${STRANGER}: Blocked.`);
  for (const body of ["<h1>no</h1>", "null", "{}", '{"message":1}', '{"message":""}', "{"]) {
    t.equal(why(403, { body }), `HTTP 403 ${STRANGER}`, body);
  }
  const evil = why(403, { body: JSON.stringify({ message: `\x1b[2J\u202e${"x".repeat(1_000)}` }) });
  t.match(evil, /^[\x20-\x7e]{1,300}$/, "nothing of it drives a terminal, and it is not long");
});
