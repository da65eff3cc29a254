// What is written behind of what chats show, and trees' states, where more than one relay has a workspace's agent one after the other.
import { randomBytes, randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { isDeepStrictEqual } from "node:util";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import t from "tap";
import { SqliteStore, type Store, type StoredTree } from "../../../../src/relay/store/index.js";
import { NatsLink } from "../../../../src/relay/store/nats/nats-link.js";
import { NatsTreeStates } from "../../../../src/relay/store/nats/tree-states.js";
import { silentLogger, systemClock } from "../../../../src/util/index.js";
import fc from "../../../support/fast-check.js";
import { withoutNats } from "../../../support/nats-server.js";
import { tempDir } from "../../../support/temp.js";
import { until } from "../../../support/until.js";
import { fileOf, metaOf } from "../../support/fake-agent.js";
import { startStores } from "./support.js";

const skip = withoutNats;
const never = () => false;
const ROOTS = ["/a", "/b", "/c"] as const;

const META = metaOf();
const treeOf = (root: string, epoch: string, seq: number, text = `${seq}`): StoredTree => {
  return { root, epoch, seq, meta: META, files: [fileOf("x", text)], secrets: "send" };
};

t.test("an agent's newer state stands, whichever relay writes it last", { skip }, async (t) => {
  const { open } = await startStores(t);
  const [one, two, reader] = [await open(), await open(), await open()];
  const workspace = randomUUID();
  const heads = async () => {
    await reader.treeStates.prepare(workspace);
    return reader.treeStates.heads(workspace, 10).map(({ epoch, seq }) => `${epoch} ${seq}`);
  };
  await Promise.all([one.treeStates.prepare(workspace), two.treeStates.prepare(workspace)]);
  await one.treeStates.save(workspace, treeOf("/a", "e", 2), never);
  await two.treeStates.save(workspace, treeOf("/a", "e", 1), never);
  t.same(await heads(), ["e 2"]);
  await two.treeStates.save(workspace, treeOf("/a", "e", 3), never);
  t.same(await heads(), ["e 3"], "although it knew of none");
  t.match(reader.treeStates.load(workspace, "/a"), treeOf("/a", "e", 3));
});

t.test("another agent's state is not written over at once by who has not heard of it", { skip }, async (t) => {
  const { open } = await startStores(t);
  const [one, two] = [await open(), await open()];
  const workspace = randomUUID();
  await Promise.all([one.treeStates.prepare(workspace), two.treeStates.prepare(workspace)]);
  await two.treeStates.save(workspace, treeOf("/a", "f", 1), never);
  await t.rejects(one.treeStates.save(workspace, treeOf("/a", "e", 7), never), { message: /has written \/a/ });
  t.match(one.treeStates.load(workspace, "/a"), treeOf("/a", "f", 1), "it has by now");
  await one.treeStates.save(workspace, treeOf("/a", "e", 8), never);
  await two.treeStates.prepare(workspace);
  t.match(two.treeStates.load(workspace, "/a"), treeOf("/a", "e", 8), "whoever still has the agent then has it");
});

t.test("a tree that is gone at one relay is gone at all, and may come back", { skip }, async (t) => {
  const { open } = await startStores(t);
  const [one, two] = [await open(), await open()];
  const workspace = randomUUID();
  await one.treeStates.prepare(workspace);
  await one.treeStates.save(workspace, treeOf("/a", "e", 1), never);
  await two.treeStates.prepare(workspace);
  t.ok(two.treeStates.has(workspace, "/a"));
  one.treeStates.delete(workspace, "/a");
  await one.flush(never);
  await two.treeStates.prepare(workspace);
  t.same([two.treeStates.has(workspace, "/a"), two.treeStates.rowCount(workspace)], [false, 0]);
  await two.treeStates.save(workspace, treeOf("/a", "e", 2), never);
  two.treeStates.delete(workspace, "/a");
  await two.treeStates.save(workspace, treeOf("/a", "e", 3), never);
  await two.flush(never);
  await one.treeStates.prepare(workspace);
  t.match(one.treeStates.load(workspace, "/a"), treeOf("/a", "e", 3));
});

t.test("a server that is behind takes nothing back that is known to be newer", { skip }, async (t) => {
  const { connection, open } = await startStores(t);
  const beside = await open();
  let old: Msg[] | undefined;
  const answers: Msg[][] = [];
  // what a replica answers that is behind is what was answered before
  const lagging = new Proxy(connection, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (name !== "requestMany") return typeof value === "function" ? value.bind(target) : value;
      const requestMany: NatsConnection["requestMany"] = async (...asked) => {
        const answer: Msg[] = old ?? [];
        if (old === undefined) for await (const message of await connection.requestMany(...asked)) answer.push(message);
        answers.push(answer);
        const pages = Readable.from(
          old === undefined || asked[1]?.toString().includes('"seq":1,') ? answer : answer.slice(-1),
        );
        return pages as unknown as Awaited<ReturnType<NatsConnection["requestMany"]>>;
      };
      return requestMany;
    },
  });
  const link = await NatsLink.over(lagging, { clock: systemClock, patienceMs: 10_000 });
  const limit = { rows: 100, bytes: 1e6 };
  const states = new NatsTreeStates(link, { clock: systemClock, log: silentLogger(), limit });
  t.teardown(() => states.close());
  const workspace = randomUUID();
  const seqs = () => ROOTS.map((root) => states.load(workspace, root)?.seq);
  await states.save(workspace, treeOf("/a", "e", 1), never);
  await states.save(workspace, treeOf("/c", "e", 1), never);
  await states.prepare(workspace);
  old = answers[0];
  await states.save(workspace, treeOf("/a", "e", 2), never);
  await states.save(workspace, treeOf("/b", "e", 1), never);
  await states.prepare(workspace);
  t.same(seqs(), [2, 1, 1]);
  t.equal(states.rowCount(workspace), 3);
  await beside.treeStates.prepare(workspace);
  await beside.treeStates.save(workspace, treeOf("/a", "e", 3), never);
  beside.treeStates.delete(workspace, "/b");
  await beside.flush(never);
  await states.prepare(workspace);
  t.same(seqs(), [3, undefined, 1], "what others have done meanwhile counts");
});

t.test("a state that NATS takes in no message is not kept, and none of before is shown for it", { skip }, async (t) => {
  const { open } = await startStores(t);
  const store = await open();
  const workspace = randomUUID();
  await store.treeStates.prepare(workspace);
  await store.treeStates.save(workspace, treeOf("/a", "e", 1), never);
  const large = treeOf("/a", "e", 2, randomBytes(1_200_000).toString("base64"));
  await store.treeStates.save(workspace, large, never);
  t.equal(store.treeStates.load(workspace, "/a"), undefined);
  await store.flush(never);
  await store.treeStates.prepare(workspace);
  t.same(store.treeStates.heads(workspace, 10), []);
});

t.test("a workspace has no more trees and roots than it may: the oldest go", { skip }, async (t) => {
  const { open } = await startStores(t);
  const store = await open({ limits: { workspaceRows: 3, workspaceBytes: 1e6 } });
  const workspace = randomUUID();
  await store.treeStates.prepare(workspace);
  for (const [at, root] of ["/a", "/b", "/c", "/d", "/e"].entries()) {
    await store.treeStates.save(workspace, treeOf(root, "e", at), never);
  }
  const [first, last] = [randomUUID(), randomUUID()];
  store.chatRoots.record(workspace, first, ["/a", "/b"]);
  await store.flush(never);
  store.chatRoots.record(workspace, last, ["/c", "/d", "/e", "/f"]);
  await store.flush(never);
  const next = await open();
  await Promise.all([next.treeStates.prepare(workspace), next.chatRoots.prepare(first), next.chatRoots.prepare(last)]);
  t.same(
    next.treeStates.heads(workspace, 10).map(({ root }) => root),
    ["/e", "/d", "/c"],
  );
  t.same([next.chatRoots.present(first), next.chatRoots.present(last)], [[], ["/c", "/d", "/e"]]);
  const few = await open({ limits: { workspaceRows: 100, workspaceBytes: 1 } });
  await few.treeStates.prepare(workspace);
  await few.treeStates.save(workspace, treeOf("/z", "e", 9), never);
  t.equal(few.treeStates.rowCount(workspace), 0, "nor more bytes");
});

t.test(
  "what chats and trees are is what one store alone would have, whichever relay has the agent",
  { skip },
  async (t) => {
    const { open } = await startStores(t);
    const relays = [await open(), await open()] as const;
    const one = new SqliteStore(tempDir(t));
    t.teardown(() => one.close());
    const root = fc.constantFrom(...ROOTS);
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("record" as const), roots: fc.uniqueArray(root) }) },
      fc.record({ kind: fc.constant("bury" as const), root }),
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("save" as const), root }) },
      fc.record({ kind: fc.constant("delete" as const), root }),
      fc.record({ kind: fc.constant("written" as const) }),
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("move" as const) }) },
    );
    const seen = ({ chatRoots, treeStates }: Store, workspace: string, chat: string) => ({
      present: chatRoots.present(chat),
      gone: chatRoots.tombstones(chat),
      trees: ROOTS.map((each) => treeStates.load(workspace, each)?.seq),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.boolean(), async (steps, isPrepared) => {
        const [workspace, chat] = [randomUUID(), randomUUID()];
        let at = 0;
        let seq = 0;
        const prepare = async () => {
          await relays[at % 2 === 0 ? 0 : 1].treeStates.prepare(workspace);
          if (isPrepared) await relays[at % 2 === 0 ? 0 : 1].chatRoots.prepare(chat); // a client comes as well
        };
        await prepare();
        for (const each of steps) {
          const here = relays[at % 2 === 0 ? 0 : 1];
          if (each.kind === "move") {
            await here.flush(never);
            at += 1;
            await prepare();
          }
          seq += 1;
          for (const store of [here, one]) {
            if (each.kind === "record") store.chatRoots.record(workspace, chat, each.roots);
            if (each.kind === "bury") store.chatRoots.bury(workspace, chat, each.root);
            if (each.kind === "delete") store.treeStates.delete(workspace, each.root);
            if (each.kind === "save") await store.treeStates.save(workspace, treeOf(each.root, "e", seq), never);
            if (each.kind === "written") await store.flush(never);
          }
          if (isPrepared) t.same(seen(relays[at % 2 === 0 ? 0 : 1], workspace, chat), seen(one, workspace, chat));
        }
        await relays[at % 2 === 0 ? 0 : 1].flush(never);
        for (const relay of relays) {
          await Promise.all([relay.treeStates.prepare(workspace), relay.chatRoots.prepare(chat)]);
          t.same(seen(relay, workspace, chat), seen(one, workspace, chat), "at the end");
        }
      }),
      { numRuns: Number(process.env.RUNS ?? 30) },
    );
  },
);

t.test("what is said while NATS is away is written when it is back", { skip }, async (t) => {
  const { server, open } = await startStores(t);
  const store = await open({ patienceMs: 0 });
  const [workspace, chat] = [randomUUID(), randomUUID()];
  await store.treeStates.prepare(workspace);
  await store.treeStates.save(workspace, treeOf("/a", "e", 1), never);
  await server.kill();
  store.chatRoots.record(workspace, chat, ["/a", "/b"]);
  store.chatRoots.bury(workspace, chat, "/b");
  store.treeStates.delete(workspace, "/a");
  t.same([store.chatRoots.present(chat), store.chatRoots.tombstones(chat)], [["/a"], ["/b"]]);
  await until("it is known to be away", () => store.health.state.kind === "failing");
  await t.rejects(store.treeStates.save(workspace, treeOf("/b", "e", 1), never), { message: "the store is failing" });
  await server.restart();
  await until("it is well again", () => store.health.state.kind === "ok");
  const next = await open();
  const written = () => {
    const { chatRoots, treeStates } = next;
    return [chatRoots.present(chat), chatRoots.tombstones(chat), treeStates.rowCount(workspace)];
  };
  // the first list may have been on its way when the server went, and is written before the second then
  const isWritten = async () => {
    await Promise.all([next.chatRoots.prepare(chat), next.treeStates.prepare(workspace)]);
    return isDeepStrictEqual(written(), [["/a"], ["/b"], 0]);
  };
  await until("all of it is written", isWritten, { seen: written });
  t.pass("the last list, and the deletion");
});
