import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { DEFAULT_LIMITS } from "../../../../src/relay/limit-options.js";
import { SqliteStore } from "../../../../src/relay/store/index.js";
import fc from "../../../support/fast-check.js";
import { tempDir } from "../../../support/temp.js";
import { metaOf } from "../../support/fake-agent.js";

/** One of each length: longer ones are known by their hash. */
const ROOTS = ["/a", "/b", "/c", `/${"long".repeat(100)}`, `/${"long".repeat(100)}er`];
const WORKSPACES = ["w", "v"];

t.test(
  "which trees have states is known without a question, whatever was saved, deleted, trimmed and read anew",
  async (t) => {
    const directory = tempDir(t);
    const limits = { ...DEFAULT_LIMITS, workspaceRows: 4 };
    const step = fc.record({
      kind: fc.constantFrom("save", "save", "save", "delete", "open again"),
      root: fc.constantFrom(...ROOTS),
      workspace: fc.constantFrom(...WORKSPACES),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        let store = new SqliteStore(directory, { limits });
        for (const { kind, root, workspace } of steps) {
          if (kind === "save")
            await store.treeStates.save(
              workspace,
              { root, epoch: "epoch-01", seq: 1, meta: metaOf(), files: [], secrets: undefined },
              () => false,
            );
          else if (kind === "delete") store.treeStates.delete(workspace, root);
          else {
            await store.close();
            store = new SqliteStore(directory, { limits });
          }
          for (const each of WORKSPACES) {
            const { treeStates } = store;
            const heads = new Set(treeStates.heads(each, 100).map((head) => head.root));
            const said = ROOTS.filter((one) => treeStates.has(each, one));
            const loaded = ROOTS.filter((one) => treeStates.load(each, one) !== undefined);
            const expected = ROOTS.filter((one) => heads.has(one));
            if (said.join() !== expected.join() || loaded.join() !== expected.join()) return false;
          }
          await sleep(0);
        }
        for (const workspace of WORKSPACES) for (const root of ROOTS) store.treeStates.delete(workspace, root);
        await store.close();
        return true;
      }),
      { numRuns: 30 },
    );
  },
);

t.test(
  "what another relay at the same directory writes is known a turn later: one ends as the next begins",
  async (t) => {
    const directory = tempDir(t);
    const [one, next] = [new SqliteStore(directory), new SqliteStore(directory)];
    t.teardown(() => Promise.all([one.close(), next.close()]));
    const tree = { root: "/a", epoch: "epoch-01", seq: 1, meta: metaOf(), files: [], secrets: undefined };
    t.notOk(next.treeStates.has("w", "/a"));
    await one.treeStates.save("w", tree, () => false);
    await sleep(0);
    t.ok(next.treeStates.has("w", "/a"));
    one.treeStates.delete("w", "/a");
    await sleep(0);
    t.notOk(next.treeStates.has("w", "/a"));
  },
);
