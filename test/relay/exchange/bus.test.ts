// What the exchange may expect of its bus: of NATS, and of the network that stands for it in tests of faults.
import t from "tap";
import { type Bus, NobodyListensError, NoReplyError } from "../../../src/relay/exchange/bus/bus.js";
import { NatsBus } from "../../../src/relay/exchange/bus/nats-bus.js";
import { systemClock } from "../../../src/util/index.js";
import { NatsServer, withoutNats } from "../../support/nats-server.js";
import { Random } from "../../support/random.js";
import type { Cleanup } from "../../support/temp.js";
import { until } from "../../support/until.js";
import { ChaosNet } from "./support/chaos-net.js";

/** Makes ends of one bus. `isLost`, where it can be told to: nobody reaches anybody, until it is called again. */
interface Net {
  bus(): Promise<Bus>;
  lose(): Promise<void>;
  mend(): Promise<void>;
}

const NETS: Record<string, { skip: string | false; open: (t: Cleanup) => Promise<Net> }> = {
  "the network of tests": {
    skip: false,
    open: async () => {
      const net = new ChaosNet(new Random(3), systemClock);
      const buses: ReturnType<typeof net.bus>[] = [];
      return {
        bus: async () => {
          const bus = net.bus();
          buses.push(bus);
          return bus;
        },
        lose: async () => {
          for (const bus of buses) bus.cut();
        },
        mend: async () => {
          for (const bus of buses) bus.mend();
        },
      };
    },
  },
  NATS: {
    skip: withoutNats,
    open: async (t) => {
      const server = await NatsServer.start(t);
      let count = 0;
      return {
        bus: async () => {
          count += 1;
          const bus = await NatsBus.connect({ servers: [server.url] }, `relay${count}`);
          t.teardown(() => bus.close());
          return bus;
        },
        lose: () => server.kill(),
        mend: () => server.restart(),
      };
    },
  },
};

const bytes = (text: string) => Buffer.from(text);

for (const [name, { skip, open }] of Object.entries(NETS)) {
  t.test(name, { skip }, async (t) => {
    const net = await open(t);
    const [one, two] = [await net.bus(), await net.bus()];

    t.test("what is published is heard by all others, in its order, and not by its own end", async (t) => {
      const heard: string[] = [];
      const own: string[] = [];
      const subscriptions = [
        two.subscribe("a.b", ({ subject, data }) => heard.push(`${subject} ${Buffer.from(data)}`)),
        one.subscribe("a.b", ({ data }) => own.push(String(data))),
        two.subscribe("c.>", ({ subject, data }) => heard.push(`${subject} ${Buffer.from(data)}`)),
      ];
      await until("two is heard", async () => {
        one.publish("c.ready", bytes(""));
        return heard.length > 0;
      });
      for (let at = 0; at < 50; at += 1) one.publish("a.b", bytes(String(at)));
      one.publish("a.c", bytes("of another subject"));
      one.publish("c.d.e", bytes("below"));
      await until("all is heard", () => heard.includes("a.b 49") && heard.includes("c.d.e below"));
      const ofSubject = heard.filter((text) => text.startsWith("a."));
      t.same(
        ofSubject,
        Array.from({ length: 50 }, (_, at) => `a.b ${at}`),
      );
      t.same(own, []);
      for (const subscription of subscriptions) subscription.stop();
    });

    t.test("a request is answered, or nobody listens, or there is no answer in time", async (t) => {
      await t.rejects(one.request("q", bytes("?"), 60_000), NobodyListensError);
      const own = one.subscribe("q", ({ reply }) => reply(bytes("mine")));
      await t.rejects(one.request("q", bytes("?"), 60_000), NobodyListensError, "nobody else");
      const silent = two.subscribe("q", () => undefined);
      await until("two listens", () =>
        one.request("q", bytes("?"), 50).catch((thrown: unknown) => thrown instanceof NoReplyError),
      );
      silent.stop();
      const other = two.subscribe("q", ({ data, reply }) => reply(bytes(`${Buffer.from(data)} ${two.isConnected}`)));
      const answer = await until("two answers", () => one.request("q", bytes("?"), 1_000).catch(() => undefined));
      t.equal(String(Buffer.from(answer)), "? true");
      for (const subscription of [own, other]) subscription.stop();
    });

    t.test("an end that is lost says so, keeps nothing for later, and is heard again when it is back", async (t) => {
      const heard: string[] = [];
      two.subscribe("x", ({ data }) => heard.push(String(Buffer.from(data))));
      let back = 0;
      one.onReconnected(() => {
        back += 1;
      });
      await net.lose();
      await until("it is noticed", () => !one.isConnected && !two.isConnected);
      one.publish("x", bytes("lost"));
      await t.rejects(one.request("q", bytes("?"), 60_000), NoReplyError);
      await net.mend();
      await until("both are back", () => one.isConnected && two.isConnected && back === 1);
      await until("it is heard", () => {
        one.publish("x", bytes("here"));
        return heard.length > 0;
      });
      t.equal(heard[0], "here");
    });

    t.test("an end that is closed is not connected", async (t) => {
      t.equal(one.isConnected, true);
      t.ok(one.maxBytes >= 256);
      await one.close();
      t.equal(one.isConnected, false);
    });
  });
}
