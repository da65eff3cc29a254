import { mock } from "node:test";
import t from "tap";
import { createToken, listTokens } from "../../../src/relay/index.js";
import { Store } from "../../../src/relay/store/index.js";
import { tempDir } from "../../support/temp.js";

const WORKSPACE = "11111111-1111-4111-8111-111111111111";

t.test("a token says its kind, and counts as no other", (t) => {
  const dir = tempDir(t);
  const agent = createToken(dir, { kind: "agent", workspace: WORKSPACE });
  const client = createToken(dir, { kind: "client", user: "alice" });
  const store = new Store(dir);
  t.teardown(() => store.close());
  t.match(store.tokens.verify(agent), { kind: "agent" });
  t.match(store.tokens.verify(client), { kind: "client" });
  t.equal(store.tokens.verify(agent.replace("twa_", "twc_")), undefined);
  t.equal(store.tokens.verify(client.replace("twc_", "twa_")), undefined);
  t.end();
});

t.test("tokens are listed oldest first, those of the same moment too", (t) => {
  mock.timers.enable({ apis: ["Date"], now: 1_800_000_000_000 });
  t.teardown(() => mock.timers.reset());
  const dir = tempDir(t);
  const made = Array.from({ length: 12 }, () => createToken(dir, { kind: "client", user: "me" }).split("_")[1]);
  t.same(
    listTokens(dir).map(({ tokenId }) => tokenId),
    made,
  );
  t.end();
});
