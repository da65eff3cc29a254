import { randomUUID } from "node:crypto";
import t from "tap";
import type { Store } from "../../../src/relay/store/index.js";
import { fileOf, metaOf } from "../support/fake-agent.js";
import { KINDS } from "./kinds.js";

// What every store promises (src/relay/store/store.ts) of what the hub writes behind. What it promises of all else is asked in
// records.test.ts and files.test.ts.

for (const [name, { make, skip }] of Object.entries(KINDS)) {
  t.test(`${name}: what a chat showed, and the trees' states, are there for the next relay`, { skip }, async (t) => {
    const again = make(t);
    const first = await again();
    const [workspace, chat] = [randomUUID(), randomUUID()];
    await Promise.all([first.chatRoots.prepare(chat), first.treeStates.prepare(workspace)]);
    first.chatRoots.record(workspace, chat, ["/b", "/a"]);
    first.chatRoots.record(workspace, chat, ["/b", "/c"]);
    first.chatRoots.bury(workspace, chat, "/c");
    const shows = (store: Store) => [store.chatRoots.present(chat), store.chatRoots.tombstones(chat)];
    const expected = [["/b"], ["/a", "/c"]];
    t.same(shows(first), expected, "at once");
    const meta = metaOf();
    const treeOf = (root: string, seq: number) => {
      return {
        root,
        epoch: "epoch-01",
        seq,
        meta,
        files: [fileOf("x", `${seq}`)],
        secrets: "withhold" as const,
      };
    };
    await first.treeStates.save(workspace, treeOf("/a", 1), () => false);
    await first.treeStates.save(workspace, treeOf("/b", 1), () => false);
    await first.treeStates.save(workspace, treeOf("/b", 2), () => false);
    await first.treeStates.save(workspace, treeOf("/b", 3), () => true);
    first.treeStates.delete(workspace, "/a");
    t.equal(first.treeStates.load(workspace, "/a"), undefined, "at once");
    await first.flush(() => false);
    await first.close();

    const next = await again();
    t.teardown(() => next.close());
    await Promise.all([next.chatRoots.prepare(chat), next.treeStates.prepare(workspace)]);
    t.same(shows(next), expected);
    t.equal(next.chatRoots.rowCount(workspace), 3);
    t.match(next.treeStates.load(workspace, "/b"), treeOf("/b", 2));
    t.same(next.treeStates.heads(workspace, 10), [{ root: "/b", epoch: "epoch-01", seq: 2 }]);
    t.same([next.treeStates.has(workspace, "/b"), next.treeStates.has(workspace, "/a")], [true, false]);
    t.same(next.treeStates.rootsOtherThan(workspace, "send"), ["/b"]);
    t.same(next.treeStates.rootsOtherThan(workspace, "withhold"), []);
    t.equal(next.treeStates.rowCount(workspace), 1);
    next.treeStates.sweep();
    t.ok(next.treeStates.has(workspace, "/b"), "it is young");
    await next.check();
  });
}
