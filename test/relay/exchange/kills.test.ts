// Relays in processes of their own and a real NATS server: either is killed, or frozen, while files are written and clients refresh.
// `npm run faults:cluster` goes through more rounds, as a seed that it draws decides.
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import t from "tap";
import { bindChat, createToken } from "../../../src/relay/index.js";
import { freeze, NatsServer, withoutNats } from "../../support/nats-server.js";
import { drawSeed, Random, SEED } from "../../support/random.js";
import { type Cleanup, tempDir } from "../../support/temp.js";
import { until } from "../../support/until.js";
import { WatchClient } from "../../support/watch-client.js";
import { FakeAgent, fileOf } from "../support/fake-agent.js";

const APP = "/home/me/app";
const PROGRAM = fileURLToPath(new URL("./support/relay-process.js", import.meta.url));
/** Those that are frozen go on after {@link FROZEN_MS}, longer than silence takes to be noticed. */
const VICTIMS = [
  "the home and the server",
  "the server",
  "the home",
  "a follower",
  "the frozen server",
  "the frozen home",
  "a frozen follower",
] as const;
const FROZEN_MS = 7_000;

const isLong = process.env.CHAOS_RUNS !== undefined;
const seed = isLong ? drawSeed() : SEED;
const ROUNDS = isLong ? Number(process.env.ROUNDS ?? 100) : 1;

const workspace = randomUUID();
const chat = randomUUID();

/** A relay that can be killed, and comes back with what it had on disk. */
class RelayProcess {
  url = "";
  readonly #dataDir: string;
  readonly #server: string;
  agentToken = "";
  clientToken = "";
  #process: ChildProcess | undefined;

  constructor(t: Cleanup, server: string) {
    this.#server = server;
    this.#dataDir = tempDir(t);
    t.teardown(() => this.kill());
  }

  /** Makes tokens and the chat. */
  async prepare(): Promise<void> {
    this.agentToken = await createToken(this.#dataDir, { kind: "agent", workspace });
    this.clientToken = await createToken(this.#dataDir, { kind: "client", user: "alice" });
    await bindChat(this.#dataDir, { chat, workspace, owner: "alice" });
  }

  async start(): Promise<void> {
    this.#process = spawn(process.execPath, [PROGRAM, this.#dataDir, this.#server], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const { stdout } = this.#process;
    if (stdout === null) throw new Error("it is piped");
    const [line] = await once(createInterface(stdout), "line");
    this.url = String(line);
  }

  /** Has it do nothing for a while. */
  freeze(ms: number): Promise<void> {
    return freeze(this.#process, ms);
  }

  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    running.kill("SIGKILL");
    await once(running, "exit");
  }
}

/** An agent that goes to another relay when it is lost, and the files that it shows. */
class WanderingAgent {
  /** How often the file was written. */
  written = 0;
  /** Where it is connected. */
  home: RelayProcess | undefined;
  #agent: FakeAgent | undefined;
  readonly #epoch = `epoch-${randomUUID()}`;
  #seq = 0;
  readonly #t: Cleanup;

  constructor(t: Cleanup) {
    this.#t = t;
  }

  async connect(relay: RelayProcess): Promise<void> {
    const agent = await FakeAgent.connect(this.#t, relay.url, relay.agentToken, { rootsOf: () => [APP] });
    agent.onClose = () => {
      if (this.#agent === agent) this.home = undefined;
    };
    this.#agent = agent;
    this.home = relay;
    this.#tell();
  }

  write(): void {
    this.written += 1;
    if (this.home !== undefined) this.#tell();
  }

  #tell(): void {
    this.#agent?.trees.set(APP, { files: [], epoch: this.#epoch, seq: this.#seq });
    this.#agent?.tell(APP, [fileOf("file", String(this.written))]);
    this.#seq += 1;
  }
}

/** What a client was shown last: how often the file had been written. */
function shownBy(client: WatchClient): number {
  return Number(/^\+(\d+)$/m.exec(client.repositories.get(APP)?.unified_diff ?? "")?.[1] ?? Number.NaN);
}

t.test("killed relays and servers let no barrier pass early", { skip: withoutNats, timeout: 3_600_000 }, async (t) => {
  const random = new Random(seed);
  const server = await NatsServer.start(t);
  const relays = [new RelayProcess(t, server.url), new RelayProcess(t, server.url), new RelayProcess(t, server.url)];
  for (const relay of relays) {
    await relay.prepare();
    await relay.start();
  }
  const agent = new WanderingAgent(t);
  await agent.connect(random.pick(relays));
  const clients = new Map<RelayProcess, WatchClient>();
  const watchAll = async () => {
    for (const relay of relays) {
      if (clients.get(relay)?.closeCode === undefined && clients.has(relay)) continue;
      clients.set(relay, await WatchClient.watch(t, relay.url, chat, relay.clientToken));
    }
  };
  await watchAll();
  let refreshes = 0;
  let passed = 0;
  const wrong: string[] = [];

  /** Writes, and refreshes everywhere. @returns when each has its answer, or has lost its relay */
  const writeAndRefresh = async () => {
    agent.write();
    const { written } = agent;
    const asked = [...clients.values()].filter(({ closeCode }) => closeCode === undefined);
    await Promise.all(
      asked.map(async (client) => {
        refreshes += 1;
        const id = String(refreshes);
        client.socket.send(JSON.stringify({ type: "refresh", id }));
        const answer = await until(
          "a refresh is answered",
          () =>
            client.messages.find(({ answers = [] }) => answers.includes(id)) ??
            (client.closeCode !== undefined && "lost"),
          { seen: () => client.messages.slice(-3) },
        );
        if (answer === "lost" || answer.type === "error") return;
        passed += 1;
        if (!(shownBy(client) >= written)) wrong.push(`refresh ${id}: ${shownBy(client)} for ${written}`);
      }),
    );
  };

  for (let round = 0; round < ROUNDS; round += 1) {
    const victim = isLong ? random.pick(VICTIMS) : VICTIMS[0];
    const home = agent.home ?? random.pick(relays);
    const others = relays.filter((relay) => relay !== home);
    const relay = victim.includes("follower") ? random.pick(others) : home;
    const isOfServer = victim.includes("server");
    const isOfRelay = victim !== "the server";
    await writeAndRefresh();
    const under = writeAndRefresh();
    if (victim.includes("frozen")) {
      const thawed = isOfServer ? server.freeze(FROZEN_MS) : relay.freeze(FROZEN_MS);
      await writeAndRefresh();
      await thawed;
    } else {
      if (isOfRelay) await relay.kill();
      if (isOfServer) await server.kill();
      await writeAndRefresh();
      if (isOfServer) await server.restart();
      if (isOfRelay && relay === home) {
        await until("the agent has lost its relay", () => agent.home === undefined);
        await agent.connect(random.pick(others));
      }
      await writeAndRefresh();
      if (isOfRelay) await relay.start();
    }
    await under;
    await watchAll();
    agent.write();
    for (const client of clients.values()) {
      await until(`the last write is seen after ${victim}`, () => shownBy(client) === agent.written, {
        seen: () => client.messages.slice(-3),
      });
    }
  }
  t.same(wrong, []);
  t.ok(passed > 0);
  t.comment(`${ROUNDS} rounds from ${seed}: ${passed} of ${refreshes} barriers passed, ${wrong.length} of them early`);
});
