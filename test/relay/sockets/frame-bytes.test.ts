import t from "tap";
import { WatchClient } from "../../support/watch-client.js";
import { fileOf } from "../support/fake-agent.js";
import { TestRelay } from "../support/relay.js";

const APP = "/home/me/app";
const LIB = "/home/me/lib";
const BOUND = 400_000;

t.test(
  "a client that takes no larger messages than --frame-bytes gets what two trees of quotes have room for",
  async (t) => {
    const relay = await TestRelay.start(t, { limits: { frameBytes: BOUND } });
    const agent = await relay.agent([APP, LIB]);
    const small = fileOf("small", '"\u0001\\'.repeat(100));
    agent.tell(APP, [fileOf("quotes", '"'.repeat(120_000)), small]);
    agent.tell(LIB, [fileOf("control", "\u0001".repeat(60_000)), small]);
    const headers = { "coder-session-token": relay.clientToken };
    // as clients do that have a limit: a message over it ends the connection with 1009
    for (const perMessageDeflate of [false, true]) {
      const client = await WatchClient.open(t, relay.watchUrl(), { headers, maxPayload: BOUND, perMessageDeflate });
      const { repositories = [] } = await client.first();
      t.match(repositories, [
        { repo_root: APP, unified_diff: /^diff --git a\/quotes/ },
        {
          repo_root: LIB,
          truncated: true,
          omitted_files: [{ path: "control", bytes: 60_000 + "@@ -1 +1 @@\n-old\n+\n".length }],
        },
      ]);
      t.notOk(repositories[0]?.truncated, "the largest is enough");
      for (const { unified_diff: diff } of repositories) t.ok(diff.includes(small.hunks), "small ones are whole");
      agent.change(LIB, [{ upserts: [fileOf("control", "\u0001".repeat(100))] }]);
      const [next] = (await client.changesFrame(2)).repositories ?? [];
      t.match(next, { repo_root: LIB, unified_diff: new RegExp(`\\+${"\\u0001".repeat(100)}\n`) });
      t.notOk(next?.truncated, "a frame with room has everything");
      agent.tell(LIB, [fileOf("control", "\u0001".repeat(60_000)), small]);
      await client.changesFrame(3);
      t.equal(client.closeCode, undefined);
      client.close();
      await client.closed();
    }
    const larger = await WatchClient.open(t, relay.watchUrl(), { headers, maxPayload: 100_000 });
    t.equal(await larger.closed(), 1006, "the oracle is one");
  },
);
