import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { z } from "zod";
import { NatsServer } from "./nats-server.js";
import { type Cleanup, tempDir } from "./temp.js";

/** What is read of a server's list of connections (`/connz?subs=1`). */
const connections = z.object({
  connections: z.array(z.object({ name: z.string().default(""), subscriptions_list: z.array(z.string()).default([]) })),
});

/** What docs/cluster.md sets, as far as it is about what is not stored. */
const CONFIGURATION = "no_fast_producer_stall: true\n";

/** NATS servers that know each other: whoever has lost one goes to another, and all hear each other. Without JetStream. */
export class NatsCluster {
  readonly servers: readonly NatsServer[];
  readonly #monitors: readonly string[];

  private constructor(servers: readonly NatsServer[], monitors: readonly string[]) {
    this.servers = servers;
    this.#monitors = monitors;
  }

  /** @param routeOf the port at which one server finds another: by default that at which it listens for servers */
  static async start(
    t: Cleanup,
    count: number,
    routeOf: (port: number) => number | Promise<number> = (port) => port,
  ): Promise<NatsCluster> {
    const configuration = join(tempDir(t), "nats.conf");
    writeFileSync(configuration, CONFIGURATION);
    const ports = await freePorts(2 * count);
    const numbers = Array.from({ length: count }, (_, at) => at);
    const address = (port: number | undefined) => `127.0.0.1:${port}`;
    const servers: NatsServer[] = [];
    for (const number of numbers) {
      const others = numbers.filter((other) => other !== number);
      const routes: string[] = [];
      for (const other of others) routes.push(`nats://${address(await routeOf(ports[other] ?? 0))}`);
      const place = ["--cluster", `nats://${address(ports[number])}`, "--cluster_name", "test", "--no_advertise"];
      const monitor = ["-m", String(ports[count + number]), "-n", `server-${number}`];
      const more = ["-c", configuration, ...place, "--routes", routes.join(","), ...monitor];
      servers.push(await NatsServer.startWith(t, more));
    }
    return new NatsCluster(
      servers,
      numbers.map((number) => `http://${address(ports[count + number])}`),
    );
  }

  get urls(): string[] {
    return this.servers.map(({ url }) => url);
  }

  /** What clients of the servers listen to, each with the client's name. */
  async subscriptions(): Promise<{ client: string; subject: string }[]> {
    const found: { client: string; subject: string }[] = [];
    for (const monitor of this.#monitors) {
      const response = await fetch(`${monitor}/connz?subs=1&limit=1000`);
      for (const { name: client, subscriptions_list } of connections.parse(await response.json()).connections) {
        for (const subject of subscriptions_list) found.push({ client, subject });
      }
    }
    return found;
  }
}

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const holders = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(holders.map((holder) => once(holder, "listening")));
  const ports = holders.map((holder) => (holder.address() as AddressInfo).port); // a socket of TCP has one
  await Promise.all(holders.map((holder) => new Promise((resolve) => holder.close(resolve))));
  return ports;
}
