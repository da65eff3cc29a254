// A connection to NATS that is refused for a while, and one that has ended.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "@nats-io/transport-node";
import pino from "pino";
import t from "tap";
import { connectNats, makeNatsUser } from "../../../../src/relay/nats-connection.js";
import { initCluster } from "../../../../src/relay/store/nats/cluster.js";
import { NatsLink } from "../../../../src/relay/store/nats/nats-link.js";
import { NatsStore } from "../../../../src/relay/store/nats/nats-store.js";
import { systemClock } from "../../../../src/util/index.js";
import { NatsServer, withoutNats } from "../../../support/nats-server.js";
import { tempDir } from "../../../support/temp.js";
import { until } from "../../../support/until.js";

const skip = withoutNats;

t.test("a store whose user is refused for a while gets well by itself", { skip }, async (t) => {
  const directory = tempDir(t);
  const [config, nkey] = [join(directory, "nats.conf"), join(directory, "relay.nk")];
  const [relay, other] = [makeNatsUser(), makeNatsUser()];
  const allow = (user: string) => writeFileSync(config, `authorization { users: [{ nkey: ${user} }] }\n`);
  writeFileSync(nkey, relay.seed);
  allow(relay.user);
  const server = await NatsServer.startWith(t, ["-js", "-sd", directory, "-c", config]);
  const options = { servers: [server.url], nkey };
  const connection = await connectNats(options, { name: "a test", inbox: "_INBOX_test" });
  t.teardown(() => connection.close());
  await initCluster(connection, 1);
  const store = await NatsStore.open(options);
  t.teardown(() => store.close());
  let refusals = 0;
  void (async () => {
    for await (const { type } of connection.status()) if (type === "error") refusals += 1;
  })();
  await server.kill();
  allow(other.user);
  await server.restart();
  await until("it is refused again and again", () => refusals > 3);
  allow(relay.user);
  await server.restart();
  const token = await until("it is well", () =>
    store.tokens.create({ kind: "client", user: "alice" }).catch(() => undefined),
  );
  t.match(await store.tokens.verify(token), { user: "alice" });
});

t.test("a connection that ended for good is a trouble, and one that was closed is none", { skip }, async (t) => {
  const server = await NatsServer.start(t, tempDir(t));
  const lines: string[] = [];
  const log = pino({ level: "error" }, { write: (line: string) => void lines.push(line) });
  const linked = async () => {
    const connection = await connect({ servers: [server.url], maxReconnectAttempts: 1, reconnectTimeWait: 10 });
    const link = await NatsLink.over(connection, { clock: systemClock, patienceMs: 0, log });
    t.teardown(() => link.close());
    return { connection, link };
  };
  const [closed, ended] = [await linked(), await linked()];
  await closed.connection.close();
  await server.kill();
  await until("it is known", () => ended.link.health.state.kind === "failing");
  t.match(ended.link.health.state, { detail: "the connection to NATS has ended" });
  t.equal(lines.length, 1);
  t.equal(closed.link.health.state.kind, "ok");
  await t.rejects(ended.link.check(), { message: "the store is failing" });
});
