import { mock } from "node:test";
import t from "tap";
import { createToken, listTokens } from "../../../src/relay/index.js";
import { SqliteStore } from "../../../src/relay/store/index.js";
import { tempDir } from "../../support/temp.js";

const WORKSPACE = "11111111-1111-4111-8111-111111111111";

t.test("a token says its kind, and counts as no other", async (t) => {
  const dir = tempDir(t);
  const agent = await createToken(dir, { kind: "agent", workspace: WORKSPACE });
  const client = await createToken(dir, { kind: "client", user: "alice" });
  const store = new SqliteStore(dir);
  t.teardown(() => store.close());
  t.match(await store.tokens.verify(agent), { kind: "agent" });
  t.match(await store.tokens.verify(client), { kind: "client" });
  t.equal(await store.tokens.verify(agent.replace("twa_", "twc_")), undefined);
  t.equal(await store.tokens.verify(client.replace("twc_", "twa_")), undefined);
});

t.test("tokens are listed oldest first, those of the same moment too", async (t) => {
  mock.timers.enable({ apis: ["Date"], now: 1_800_000_000_000 });
  t.teardown(() => mock.timers.reset());
  const dir = tempDir(t);
  const made: (string | undefined)[] = [];
  for (let count = 0; count < 12; count += 1) {
    made.push((await createToken(dir, { kind: "client", user: "me" })).split("_")[1]);
  }
  t.same(
    (await listTokens(dir)).map(({ tokenId }) => tokenId),
    made,
  );
});
