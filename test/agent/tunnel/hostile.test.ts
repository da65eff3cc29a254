import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import t from "tap";
import { ControlServer } from "../../../src/agent/control/control-server.js";
import { controlReplySchema } from "../../../src/protocol/index.js";
import { silentLogger } from "../../../src/util/index.js";
import { randomMessage } from "../../relay/support/random-messages.js";
import { startDaemon } from "../../support/daemon.js";
import { Random, SEED } from "../../support/random.js";
import { tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";

const MESSAGES = Number(process.env.MESSAGES ?? 20_000);
t.setTimeout(0); // the limit of the file counts

/** Messages of a relay, of all kinds, about a few chats and roots. */
function relayMessage(random: Random): object {
  const chat = random.pick([`10000000-0000-4000-8000-00000000000${random.below(10)}`, random.uuid()]);
  const root = random.pick(["/w/a", "/w/b", "/etc", `/r${random.below(20)}`]);
  const [epoch, seq] = ["epoch-000", 1 + random.below(5)];
  return random.pick<object>([
    { type: "watch", chat, paths: random.pick([[], ["/w/a"], ["/etc", root], ["relative", "/\0"]]) },
    { type: "unwatch", chat },
    { type: "refresh", id: random.below(100), chat },
    { type: "ack", root, epoch, seq },
    { type: "resync", root },
    { type: "welcome", protocol: 1, workspace: chat, held: [{ root, epoch, seq }] },
  ]);
}

t.test(
  `${MESSAGES} random messages of a hostile relay: the agent goes on, and serves the next one rightly`,
  async (t) => {
    const random = new Random(SEED);
    const { relay, daemon, ended } = await startDaemon(t, { tunnel: { retry: { next: () => 0 } } });
    let sent = 0;
    let count = 1;
    for (; sent < MESSAGES; count += 1) {
      const connection = await relay.connection(count);
      if (random.chance(0.9)) connection.welcome();
      const open = () => connection.socket.readyState === connection.socket.OPEN;
      // mostly what the protocol has: the first message that it lacks ends the connection
      for (let at = 0; at < 400 && open(); at += 1, sent += 1) {
        const message = random.chance(0.99)
          ? JSON.stringify(relayMessage(random))
          : randomMessage(random, relayMessage);
        connection.socket.send(message);
      }
      connection.socket.close();
      await until("the connection is over", () => connection.socket.readyState === connection.socket.CLOSED);
      t.same(connection.nonsense, [], "whatever it is told, the agent says what the protocol has");
    }
    const last = await relay.connection(count);
    last.welcome();
    const chat = randomUUID();
    last.send({ type: "watch", chat, paths: ["/w/a"] });
    await until("the chat's trees", () =>
      last.all("chat").some((said) => said.chat === chat && said.roots[0] === "/w/a"),
    );
    const tree = await until("the tree", () => last.all("tree").find(({ root }) => root === "/w/a"));
    t.same(tree.base, null);
    t.same(
      tree.upserts.map(({ key }) => key),
      ["t:one"],
    );
    await daemon.stop();
    await ended; // without a rejection
  },
);

t.test(
  "2,000 random requests on the control socket: each is answered or cut off, and the next is served",
  async (t) => {
    const random = new Random(SEED);
    const path = join(tempDir(t), "agent.sock");
    const server = await ControlServer.listen(path, async () => ({ type: "done" }), silentLogger());
    t.teardown(() => server.close());
    const right = () => ({ type: "track", chat: randomUUID(), ancestors: [], paths: ["/w"] });
    const say = async (message: string | Buffer) => {
      const socket = connect(path);
      const chunks: Buffer[] = [];
      socket.on("data", (chunk) => chunks.push(chunk));
      socket.on("error", () => undefined);
      const closed = new Promise((resolve) => socket.once("close", resolve));
      await once(socket, "connect");
      socket.write(message);
      socket.write("\n");
      await closed;
      return controlReplySchema.parse(JSON.parse(Buffer.concat(chunks).toString()));
    };
    const kinds = new Set<string>();
    for (let batch = 0; batch < 100; batch += 1) {
      const replies = await Promise.all(Array.from({ length: 20 }, () => say(randomMessage(random, right))));
      for (const { type } of replies) kinds.add(type);
    }
    t.same([...kinds].sort(), ["done", "error"]);
    t.same(await say(JSON.stringify({ type: "status" })), { type: "done" });
  },
);
