// A store that holds chats that are each below the other: nothing that looks at them goes round for ever.
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import Database from "libsql";
import t from "tap";
import { SqliteStore, type Store } from "../../../src/relay/store/index.js";
import { recordSubjects } from "../../../src/relay/store/nats/subjects.js";
import { withoutNats } from "../../support/nats-server.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { startStores } from "./nats/support.js";

const bound = (chat: string) => ({ chat, workspace: randomUUID() });

/** Each makes a store in which the first chat is below the second, and the second below the first. */
const WITH_CIRCLE: Record<string, (t: Cleanup, first: string, second: string) => Promise<Store>> = {
  SqliteStore: async (t, first, second) => {
    const dir = tempDir(t);
    const store = new SqliteStore(dir);
    t.teardown(() => store.close());
    await store.chats.bind(bound(first));
    await store.chats.bind({ ...bound(second), parent: first });
    const db = new Database(join(dir, "treewire.db"));
    db.prepare("update chats set parent = ? where id = ?").run(second, first);
    db.close();
    return store;
  },
  NatsStore: async (t, first, second) => {
    const { connection, open } = await startStores(t);
    const times = { createdAt: 0, order: 0, updatedAt: 0 };
    const rest = { paths: [], base: "", title: "", labels: {}, archived: false, children: 1, ...times };
    for (const [id, parent] of [
      [first, second],
      [second, first],
    ] as const) {
      await connection.request(recordSubjects.chat(id), JSON.stringify({ id, parent, ...rest }));
      await connection.request(recordSubjects.child(parent, id), "{}");
    }
    return open();
  },
};

for (const [kind, make] of Object.entries(WITH_CIRCLE)) {
  const skip = kind === "NatsStore" && withoutNats;
  t.test(`${kind}: a chat is bound below a circle of chats, and one of the circle is not`, { skip }, async (t) => {
    const [first, second, third] = [randomUUID(), randomUUID(), randomUUID()];
    const store = await make(t, first, second);
    t.equal((await store.chats.bind({ ...bound(third), parent: first })).parent, first);
    await t.rejects(store.chats.bind({ ...bound(second), parent: third }), { code: "TW_BAD_USAGE" });
  });
}
