import { randomUUID } from "node:crypto";
import t from "tap";
import { ClientRate, ClientRates } from "../../../src/relay/budgets/client-rates.js";
import { createToken } from "../../../src/relay/index.js";
import { until } from "../../support/until.js";
import { fileOf } from "../support/fake-agent.js";
import { TestRelay } from "../support/relay.js";

const APP = "/home/me/app";
const LIMITS = { clientMessagesPerSecond: 10, clientBytesPerSecond: 1_000 };

t.test("four seconds of the rate may come at once; what is too much is waited for", (t) => {
  let now = 0;
  const rate = new ClientRate(LIMITS, { monotonicMs: () => now });
  for (let count = 0; count < 40; count += 1) t.equal(rate.message(10), 0);
  t.equal(rate.message(10), 100);
  now += 100;
  t.equal(rate.bytes(0), 0);
  t.equal(rate.bytes(5_000), 1_310, "of bytes that messages and files have in common");
  t.end();
});

t.test("a token has one rate, whatever it comes with; another one has its own", (t) => {
  const rates = new ClientRates(LIMITS);
  for (let count = 0; count < 45; count += 1) rates.of("a").message(0);
  t.ok(rates.of("a").message(0) > 0);
  t.equal(rates.of("b").message(0), 0);
  t.end();
});

t.test("sockets of one token that talk too much are held, lose nothing, and keep no other token waiting", async (t) => {
  const limits = { clientMessagesPerSecond: 20, pingIntervalMs: 400 };
  const relay = await TestRelay.start(t, { limits });
  const agent = await relay.agent([APP]);
  agent.tell(APP, [fileOf("x", "1")]);
  const loud = [await relay.client(), await relay.client(), await relay.client()];
  const token = await createToken(relay.dataDir, { kind: "client", user: "alice" });
  const quiet = await relay.client(relay.chat, token);
  for (const client of [...loud, quiet]) await client.first();
  for (let count = 0; count < 100; count += 1) for (const client of loud) client.socket.send("nonsense");
  agent.tell(APP, [fileOf("x", "2")]);
  await quiet.diffWith(APP, "+2\n");
  t.equal(quiet.closeCode, undefined);
  for (const client of loud) await client.diffWith(APP, "+2\n");
  await until("all is answered", () => loud.every(({ errors }) => errors.length === 100));
  t.same(
    loud.map(({ closeCode }) => closeCode),
    [undefined, undefined, undefined],
  );
});

t.test("an upload that is faster than its token may be comes in whole, and later", async (t) => {
  const relay = await TestRelay.start(t, { limits: { clientBytesPerSecond: 100_000 } });
  const image = Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), Buffer.alloc(450_000)]);
  const response = await fetch(`${relay.url}/chats/files?organization=${randomUUID()}`, {
    method: "POST",
    headers: { "coder-session-token": relay.clientToken, "content-type": "image/png" },
    body: image,
  });
  t.equal(response.status, 201);
});
