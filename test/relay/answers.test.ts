import { once } from "node:events";
import { PassThrough } from "node:stream";
import t from "tap";
import { accept, agentNotConnected, REFUSALS, RefusedError, refuseUpgrade } from "../../src/relay/answers.js";

t.test("a refused upgrade is an HTTP answer with the status's text, after which the connection ends", async (t) => {
  const rows = [
    [REFUSALS.signedOut, "401 Unauthorized"],
    [REFUSALS.upgradeRequired, "426 Upgrade Required"],
    [REFUSALS.tooManySockets, "429 Too Many Requests"],
    [REFUSALS.headersTooLarge, "431 Request Header Fields Too Large"],
    [REFUSALS.goingAway, "503 Service Unavailable"],
  ] as const;
  for (const [refusal, status] of rows) {
    const socket = new PassThrough();
    const closed = once(socket, "close");
    refuseUpgrade(socket, refusal);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk);
    const [head = "", body = ""] = Buffer.concat(chunks).toString().split("\r\n\r\n");
    const [first, ...headers] = head.split("\r\n");
    t.equal(first, `HTTP/1.1 ${status}`);
    t.ok(headers.includes(`Content-Length: ${Buffer.byteLength(body)}`));
    t.ok(headers.includes("Connection: close"), "whatever the refusal says of it");
    t.same(JSON.parse(body), refusal.body);
    await closed;
  }
});

t.test("what was refused is thrown with its refusal", (t) => {
  t.equal(accept({ ok: 1 }), 1);
  t.throws(() => accept({ refusal: REFUSALS.notFound }), new RefusedError(REFUSALS.notFound));
  t.match(agentNotConnected("timeout"), { status: 400, body: { message: /"timeout"/ } });
  t.end();
});
