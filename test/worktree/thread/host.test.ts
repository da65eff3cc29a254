import t from "tap";
import { silentLogger } from "../../../src/util/index.js";
import { TreeHost } from "../../../src/worktree/index.js";
import { createRepo } from "../../support/repo.js";

t.test("a host answers a ping through its thread, and at once without one", async (t) => {
  const host = new TreeHost({ logger: silentLogger() });
  t.teardown(() => host.close());
  await host.ping();
  const tree = host.open(createRepo(t, { a: "1\n" }).root);
  await host.ping();
  t.ok(await tree.refresh());
});
