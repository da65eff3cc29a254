import t from "tap";
import { closeEnd, type End, errorEnd, refusalEnd } from "../../../src/agent/tunnel/end.js";
import { CLOSE } from "../../../src/protocol/index.js";

/** The kind of an end, with the code of its error. */
const brief = (end: End) => ("error" in end ? `${end.kind} ${end.error.code}` : end.kind);

t.test("a status instead of an upgrade: a bad token, a relay that is away for a while, or no relay", async (t) => {
  for (const relay of ["1", undefined]) {
    const header = (name: string) => (name === "treewire-relay" ? relay : undefined);
    const of = (status: number) => brief(refusalEnd("relay:1", { status, header }));
    const unauthorized = relay === undefined ? "failed TW_RELAY_NONSENSE" : "rejected TW_TOKEN_REJECTED";
    t.equal(of(401), unauthorized, "a token is for the relay alone to refuse");
    for (const status of [429, 500, 502, 503]) t.equal(of(status), "failed TW_RELAY_UNREACHABLE", String(status));
    for (const status of [200, 301, 400, 403, 404]) t.equal(of(status), "failed TW_RELAY_NONSENSE", String(status));
  }
});

t.test("a relay that says how long to stay away is believed, within reason", async (t) => {
  const of = (status: number, retryAfter?: string) =>
    refusalEnd("relay:1", { status, header: (name) => (name === "retry-after" ? retryAfter : undefined) });
  t.match(of(429, "7"), { kind: "failed", retryAfterMs: 7_000 });
  t.match(of(503, "1"), { kind: "failed", retryAfterMs: 1_000 });
  t.match(of(429, "99999999"), { retryAfterMs: 300_000 }, "five minutes at most");
  for (const header of [undefined, "", "soon", "-1", "Thu, 01 Jan 2099 00:00:00 GMT"]) {
    t.notOk("retryAfterMs" in of(429, header), String(header));
  }
  t.notOk("retryAfterMs" in of(404, "7"), "no relay");
});

t.test("a close code says whether to come back, and with what", async (t) => {
  const of = (code: number) => brief(closeEnd("relay:1", code, ""));
  t.equal(of(CLOSE.tokenRevoked.code), "rejected TW_TOKEN_REJECTED");
  t.equal(of(CLOSE.replaced.code), "replaced");
  t.equal(of(1006), "failed TW_RELAY_UNREACHABLE");
  t.same(closeEnd("relay:1", 1001, "deploying"), { kind: "closed", reason: "close code 1001, deploying" });
  t.same(closeEnd("relay:1", 1001, ""), { kind: "closed", reason: "close code 1001" });
});

t.test("an error of the socket: the network's, the certificate's, or an answer that is no WebSocket's", async (t) => {
  const of = (message: string, code?: string) =>
    brief(errorEnd("relay:1", Object.assign(new Error(message), code !== undefined && { code })));
  t.equal(of("connect", "ECONNREFUSED"), "failed TW_RELAY_UNREACHABLE");
  t.equal(of("socket hang up", "ECONNRESET"), "failed TW_RELAY_UNREACHABLE");
  for (const code of ["CERT_HAS_EXPIRED", "DEPTH_ZERO_SELF_SIGNED_CERT", "ERR_TLS_CERT_ALTNAME_INVALID"]) {
    t.equal(of("certificate", code), "failed TW_RELAY_UNTRUSTED", code);
  }
  t.equal(of("Parse Error: Expected HTTP/", "HPE_INVALID_CONSTANT"), "failed TW_RELAY_NONSENSE");
  t.equal(of("Invalid frame", "WS_ERR_INVALID_OPCODE"), "failed TW_RELAY_NONSENSE");
  t.equal(of("Server sent no subprotocol"), "failed TW_RELAY_NONSENSE");
  t.equal(of("something else"), "failed TW_RELAY_UNREACHABLE");
  const { error } = errorEnd("relay:1", Object.assign(new Error("x"), { code: "ECONNREFUSED" }));
  t.match(error.message, /^relay:1: .*\(ECONNREFUSED\)/);
});
