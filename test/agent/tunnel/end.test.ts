import t from "tap";
import { closeEnd, dialEnd, type End, errorEnd } from "../../../src/agent/tunnel/end.js";
import { CLOSE } from "../../../src/protocol/index.js";
import type { FailureKind } from "../../../src/util/link/index.js";

/** The kind of an end, with the code of its error. */
const brief = (end: End) => ("error" in end ? `${end.kind} ${end.error.code}` : end.kind);

t.test("a connection that did not come to be: a bad token ends it, anything else is tried again", async (t) => {
  const of = (kind: FailureKind) =>
    brief(dialEnd("relay:1", { kind, step: "upgrade", why: "so", isFinal: kind === "rejected" || kind === "refused" }));
  t.equal(of("rejected"), "rejected TW_TOKEN_REJECTED");
  t.equal(of("refused"), "failed TW_RELAY_NONSENSE", "the relay has no such tunnel");
  t.equal(of("nonsense"), "failed TW_RELAY_NONSENSE");
  t.equal(of("unreachable"), "failed TW_RELAY_UNREACHABLE");
  t.equal(of("untrusted"), "failed TW_RELAY_UNTRUSTED");
  t.equal(of("altered"), "failed TW_PROXY_ALTERS");
  t.equal(of("files"), "failed TW_TLS_FILES");
  const asked = dialEnd("relay:1", {
    kind: "unreachable",
    step: "upgrade",
    why: "so",
    isFinal: false,
    retryAfterMs: 7,
  });
  t.match(asked, { kind: "failed", retryAfterMs: 7 }, "and how long the relay wants it to stay away");
  t.match(asked, { error: { message: /^relay:1: the relay cannot be reached \(so\); check/ } });
});

t.test("a close code says whether to come back, and with what", async (t) => {
  const of = (code: number) => brief(closeEnd("relay:1", code, ""));
  t.equal(of(CLOSE.tokenRevoked.code), "rejected TW_TOKEN_REJECTED");
  t.equal(of(CLOSE.replaced.code), "replaced");
  t.equal(of(1006), "failed TW_RELAY_UNREACHABLE");
  t.same(closeEnd("relay:1", 1001, "deploying"), { kind: "closed", reason: "close code 1001, deploying" });
  t.same(closeEnd("relay:1", 1001, ""), { kind: "closed", reason: "close code 1001" });
});

t.test("an error of an open socket: the network's, or frames that are none", async (t) => {
  const of = (message: string, code?: string) =>
    brief(errorEnd("relay:1", Object.assign(new Error(message), code !== undefined && { code })));
  t.equal(of("read", "ECONNRESET"), "failed TW_RELAY_UNREACHABLE");
  t.equal(of("Invalid frame", "WS_ERR_INVALID_OPCODE"), "failed TW_RELAY_NONSENSE");
  t.equal(of("something else"), "failed TW_RELAY_UNREACHABLE");
  const { error } = errorEnd("relay:1", Object.assign(new Error("x"), { code: "ECONNRESET" }));
  t.match(error.message, /^relay:1: .*\(the connection broke: ECONNRESET\)/);
});
