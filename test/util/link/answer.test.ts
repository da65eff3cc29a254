import t from "tap";
import { type Answer, isLasting, refusalOf, retryAfterMs } from "../../../src/util/link/browser.js";
import fc from "../../support/fast-check.js";

function answer(status: number, headers: Record<string, string>, text = ""): Answer {
  return { status, header: (name) => headers[name], text };
}

t.test("what does not carry the relay's header is never final, whatever it says", (t) => {
  const relay = fc.constantFrom(undefined, "", "0", "yes", "1, 1");
  const text = fc.oneof(fc.string(), fc.json(), fc.constant('{"message":"Chat is archived."}'));
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 599 }), relay, text, (status, value, body) => {
      const headers = value === undefined ? {} : { "treewire-relay": value };
      const failure = refusalOf(answer(status, headers, body));
      return (
        !failure.isFinal && failure.step === "proxy" && failure.why.includes(`status ${status}; it is not the relay`)
      );
    }),
  );
  t.end();
});

t.test("the relay's own answer speaks for itself", (t) => {
  const own = { "treewire-relay": "1" };
  t.same(refusalOf(answer(404, own, '{"message":"gone"}')), {
    step: "upgrade",
    status: 404,
    isFinal: true,
    why: "gone",
  });
  t.same(refusalOf(answer(503, { ...own, "retry-after": "7" }, "{")), {
    step: "upgrade",
    status: 503,
    isFinal: false,
    why: "the relay answers with status 503",
    retryAfterMs: 7_000,
  });
  t.end();
});

t.test("a redirect is told with where it leads, without what may be secret there", (t) => {
  const { why } = refusalOf(answer(302, { location: "https://u:p@portal.example/in?token=x" }));
  t.match(why, "status 302 (moved to https://portal.example/in);");
  t.notMatch(why, /token|u:p/);
  t.end();
});

t.test("Retry-After counts in seconds, five minutes at most", (t) => {
  t.equal(retryAfterMs("7"), 7_000);
  t.equal(retryAfterMs("99999999"), 300_000);
  for (const value of [undefined, null, "", "soon", "-1", "1.5", "Thu, 01 Jan 2099 00:00:00 GMT"]) {
    t.equal(retryAfterMs(value), undefined, String(value));
  }
  t.end();
});

t.test("of the relay's own answers those last that docs/protocol.md says so of", (t) => {
  for (const status of [401, 403, 404]) t.ok(isLasting(status, ""), String(status));
  for (const message of ["Invalid chat ID.", "Chat is archived.", "Chat has no workspace to watch."]) {
    t.ok(isLasting(400, message), message);
  }
  for (const state of ["disconnected", "connecting", "timeout"]) {
    t.notOk(isLasting(400, `Agent state is "${state}", it must be in the "connected" state.`), state);
  }
  t.notOk(isLasting(400, "Bad request."), "something in between may have made it so");
  for (const status of [200, 301, 408, 426, 429, 431, 500, 502, 503, 504])
    t.notOk(isLasting(status, ""), String(status));
  t.end();
});
