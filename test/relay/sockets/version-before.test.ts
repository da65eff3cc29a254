// What agents of the version before say, which neither number the parts of an update nor cut files: recorded on a tunnel.
import t from "tap";
import { FakeAgent } from "../support/fake-agent.js";
import { TestRelay } from "../support/relay.js";
import { APP } from "../support/states.js";

const META = `"meta":{"head":"0123456789012345678901234567890123456789","branch":"main","remote_origin":"","scanned_at":"2026-03-05T10:11:12.345Z","health":"","too_large_bytes":0}`;
const TREE = `{"type":"tree","root":"/home/me/app","epoch":"5d2c0b1e-63cc-4ae0-8c7d-2f9b7c1f5a10","seq":1,"base":null,${META}`;
const fileLine = (name: string) =>
  `{"key":"t:${name}","path":"${name}","header":"diff --git a/${name} b/${name}\\n","hunks":"@@ -1 +1 @@\\n-a\\n+${name}\\n","additions":1,"deletions":1,"omitted_bytes":0}`;
const HELLO = `{"type":"hello","protocol":1,"agent":"treewire/0.1.0"}`;
const FIRST = `${TREE},"upserts":[${fileLine("a.txt")}],"removes":[],"more":true}`;
const LAST = `${TREE},"upserts":[${fileLine("b.txt")}],"removes":[],"more":false}`;

const connect = async (relay: TestRelay, t: Parameters<typeof FakeAgent.connect>[0]) => {
  const agent = await FakeAgent.connect(t, relay.url, relay.agentToken, { hello: false });
  agent.sendText(HELLO);
  return { agent, welcome: await agent.next("welcome") };
};

t.test("its parts count together, and when its connection is lost between them it begins anew", async (t) => {
  const relay = await TestRelay.start(t);
  const { agent: lost } = await connect(relay, t);
  const client = await relay.client();
  const { chat } = await lost.next("watch");
  const chatLine = `{"type":"chat","chat":"${chat}","roots":["${APP}"]}`;
  lost.sendText(chatLine);
  lost.sendText(FIRST);
  lost.sendText(`{"type":"refreshed","id":1,"scanned_at":"2026-03-05T10:11:12.345Z"}`);
  await client.first();
  lost.vanish();
  const { agent, welcome } = await connect(relay, t);
  t.same([welcome.held, welcome.partial], [[], []]);
  await agent.next("watch");
  agent.sendText(chatLine);
  agent.sendText(FIRST.replaceAll('"seq":1', '"seq":2'));
  agent.sendText(LAST.replaceAll('"seq":1', '"seq":2'));
  t.match(await agent.next("ack"), { root: APP, seq: 2 });
  const diff = await client.diffWith(APP, "+b.txt");
  t.equal(diff.match(/^\+a\.txt$/gm)?.length, 1, "nothing of the lost connection is there");
});
