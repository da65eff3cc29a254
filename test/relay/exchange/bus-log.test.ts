import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { NatsBus } from "../../../src/relay/exchange/bus/nats-bus.js";
import { createLogger } from "../../../src/util/index.js";
import { NatsServer, withoutNats } from "../../support/nats-server.js";
import { tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";

/** A log, and its lines. */
function logged() {
  const lines: { level: number; msg: string; subject?: string }[] = [];
  return { lines, log: createLogger("test", "info", { write: (line) => void lines.push(JSON.parse(line)) }) };
}

t.test("an operator is told once when no server is there, and when one is again", { skip: withoutNats }, async (t) => {
  const server = await NatsServer.start(t);
  const { lines, log } = logged();
  const bus = await NatsBus.connect({ servers: [server.url] }, "relay", log);
  t.teardown(() => bus.close());
  await server.kill();
  await until("it is noticed", () => lines.length > 0);
  await server.restart();
  await until("it is back", () => lines.length > 1);
  await bus.close();
  t.same(
    lines.map(({ level, msg }) => [level, msg]),
    [
      [40, "no NATS server is there: other relays are out of reach"],
      [30, "a NATS server is there again: other relays are in reach"],
    ],
  );
});

t.test("an operator is told what NATS does not let the relay hear", { skip: withoutNats }, async (t) => {
  const config = join(tempDir(t), "nats.conf");
  writeFileSync(
    config,
    'authorization { users: [{ user: u, password: p, permissions: { subscribe: ["_INBOX_relay.>"], publish: ">" } }] }\nno_auth_user: u\n',
  );
  const server = await NatsServer.startWith(t, ["-c", config]);
  const { lines, log } = logged();
  const bus = await NatsBus.connect({ servers: [server.url] }, "relay", log);
  t.teardown(() => bus.close());
  bus.subscribe("tw1.said", () => t.fail("it may not hear that"));
  await until("it is told", () => lines.length > 0);
  t.same(
    lines.map(({ level, msg, subject }) => [level, msg, subject]),
    [[50, "what other relays say is not heard", "tw1.said"]],
  );
});
