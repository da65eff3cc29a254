import t from "tap";
import { StoreUnavailableError } from "../../../../src/relay/store/index.js";
import { withoutNats } from "../../../support/nats-server.js";
import { SmallDisk } from "../../../support/small-disk.js";
import { until } from "../../../support/until.js";
import { startStores } from "./support.js";

const DISK_BYTES = 32 * 1024 * 1024;

t.test(
  "a NATS server whose disk is full takes nothing, loses nothing, and nobody is told that a token does not count",
  { skip: withoutNats || SmallDisk.refusal },
  async (t) => {
    const disk = SmallDisk.mount(t, DISK_BYTES);
    const { server, open } = await startStores(t, disk.path);
    const store = await open({ patienceMs: 1_000 });
    const acknowledged: string[] = [];
    const create = async () => void acknowledged.push(await store.tokens.create({ kind: "client", user: "alice" }));
    for (let count = 0; count < 20; count += 1) await create();
    disk.fill();
    await until("a write is refused", () => create().then(never, isUnavailable), { seen: () => acknowledged.length });
    await until("the store says so", () => store.health.state.kind !== "ok");
    t.equal(await store.tokens.create({ kind: "client", user: "bob" }).catch(isUnavailable), true);
    for (const token of acknowledged) {
      const answer = await store.tokens.verify(token).catch(isUnavailable);
      t.not(answer, undefined, "it counts, or it can't be said whether");
    }

    disk.empty();
    await server.restart(); // JetStream stops where it has no room, and does not go on by itself
    await until("it is well again", () => store.health.state.kind === "ok");
    for (const token of acknowledged) t.match(await store.tokens.verify(token), { user: "alice" });
    await create();
  },
);

function never(): false {
  return false;
}

function isUnavailable(thrown: unknown): true {
  if (thrown instanceof StoreUnavailableError) return true;
  throw thrown;
}
