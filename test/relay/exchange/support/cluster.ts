import { BusExchange } from "../../../../src/relay/exchange/bus-exchange.js";
import type { Following } from "../../../../src/relay/exchange/index.js";
import { GitStream, Hub, type Viewer } from "../../../../src/relay/hub/index.js";
import { DEFAULT_LIMITS } from "../../../../src/relay/limit-options.js";
import type { Store } from "../../../../src/relay/store/index.js";
import { type Clock, silentLogger } from "../../../../src/util/index.js";
import type { FakeClock } from "../../../support/fake-clock.js";
import type { Random } from "../../../support/random.js";
import { type ChaosBus, ChaosNet } from "./chaos-net.js";
import { ModelAgent, type Written } from "./model-agent.js";

export const ROOTS = ["/home/me/app", "/home/me/lib"] as const;

/** What a hub reads and writes of a store. */
export type HubStore = Pick<Store, "chatRoots" | "treeStates">;

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

/** One client: what it was shown, checked as it comes. */
export class Client {
  readonly faults: string[] = [];
  /** By root: how often the file that it was shown last had been written. */
  readonly shown = new Map<string, number>();
  /** The errors that it was sent. */
  readonly messages: string[] = [];
  readonly #written: Written;
  /** By name: how often files had been written when it asked. */
  readonly #refreshes = new Map<string, Written>();
  readonly #atFirst: Written;
  #hasFrame = false;
  #count = 0;
  /** It may be shown less than before: another agent has come, which reads the files later. */
  mayGoBack = false;
  /** How many barriers have passed. */
  passed = 0;
  /** Called when it was shown something. */
  onShown: () => void = () => undefined;
  viewer: Viewer | undefined;

  constructor(written: Written) {
    this.#written = written;
    this.#atFirst = new Map(written);
  }

  /** The refreshes without an answer. */
  get unanswered(): string[] {
    return [...this.#refreshes.keys()];
  }

  refresh(): void {
    this.#count += 1;
    const id = String(this.#count);
    this.#refreshes.set(id, new Map(this.#written));
    this.viewer?.refresh(id);
  }

  heard(text: string): void {
    const frame: ReturnType<typeof JSON.parse> = JSON.parse(text);
    if (frame.type === "error") this.messages.push(frame.message);
    else this.#heardChanges(frame);
    for (const id of frame.answers ?? []) {
      const written = this.#refreshes.get(id);
      this.#refreshes.delete(id);
      if (frame.type === "error" || written === undefined) continue;
      this.passed += 1;
      this.#expect(written, `refresh ${id}`);
    }
    this.onShown();
  }

  #heardChanges({ repositories = [] }: { repositories?: { repo_root: string; unified_diff: string }[] }): void {
    for (const { repo_root: root, unified_diff } of repositories) {
      const content = Number(/^\+(\d+)$/m.exec(unified_diff)?.[1]);
      const before = this.shown.get(root) ?? 0;
      if (content < before && !this.mayGoBack) this.faults.push(`${root}: ${content} behind ${before}`);
      this.shown.set(root, content);
    }
    if (!this.#hasFrame) this.#expect(this.#atFirst, "the first frame");
    this.#hasFrame = true;
  }

  #expect(written: Written, what: string): void {
    for (const [root, content] of written) {
      const shown = this.shown.get(root);
      if (shown === undefined || shown < content) this.faults.push(`${what}, ${root}: ${shown} for ${content}`);
    }
  }
}

/** The same, with a note of every call of one of these. */
function noting<T extends object>(of: T, names: readonly (keyof T & string)[], notes: string[]): T {
  const noted: ReadonlySet<unknown> = new Set(names);
  return new Proxy(of, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...args: unknown[]): unknown => {
        if (noted.has(name)) notes.push(String(name));
        return value.apply(target, args);
      };
    },
  });
}

/** One relay: hub and exchange as they are, without sockets. */
export class Node {
  readonly hub: Hub;
  readonly exchange: BusExchange;
  readonly bus: ChaosBus;
  readonly clients = new Set<Client>();
  /** What it has written to the store, by the names of what was called. */
  readonly writes: string[] = [];
  /** Whom other relays have told it to refuse. */
  readonly refused: { address: string; forMs: number }[] = [];
  isDead = false;
  #stoodStillMs = 0;

  /** @param skewMs how far its time of day is ahead */
  constructor(
    store: HubStore,
    bus: ChaosBus,
    relay: string,
    { clock: common, skewMs }: { clock: Clock; skewMs: number },
  ) {
    this.bus = bus;
    const clock: Clock = {
      wallMs: () => common.wallMs() + skewMs,
      monotonicMs: () => common.monotonicMs() + this.#stoodStillMs,
      after: (delayMs, run) => common.after(delayMs, run),
    };
    const follow = (...args: Parameters<BusExchange["follow"]>): Following => this.exchange.follow(...args);
    this.hub = new Hub({
      chatRoots: noting(store.chatRoots, ["record", "bury"], this.writes),
      treeStates: noting(store.treeStates, ["save", "delete"], this.writes),
      log: silentLogger(),
      limits: DEFAULT_LIMITS,
      lingerMs: 0,
      follow: (workspace) => {
        const following = follow(workspace);
        return () => following.stop();
      },
    });
    const onRefused = (address: string, forMs: number) => this.refused.push({ address, forMs });
    this.exchange = new BusExchange({ bus, relay, clock, here: this.hub, onRefused });
  }

  watch(workspace: string, chat: string, written: Written): Client {
    const client = new Client(written);
    client.viewer = this.hub.watch(
      { workspace, chat, paths: [] },
      {
        outlet: {
          send: ({ data }, done) => {
            client.heard(data.payload.toString());
            queueMicrotask(done);
          },
          onBlocked: () => undefined,
          onDrained: () => undefined,
          onFailed: (thrown) => client.faults.push(String(thrown)),
        },
        stream: new GitStream(),
        acceptsStale: false,
      },
    );
    this.clients.add(client);
    return client;
  }

  leave(client: Client): void {
    if (client.viewer !== undefined) this.hub.leave(client.viewer, { mayReturn: false });
    this.clients.delete(client);
  }

  /** Its loop has stood still: more time has passed than its timers know. */
  standStill(ms: number): void {
    this.#stoodStillMs += ms;
  }

  /** The process is gone: nothing that it does reaches anybody. */
  async kill(): Promise<void> {
    this.isDead = true;
    this.bus.cut();
    for (const client of [...this.clients]) this.leave(client);
    await this.exchange.close();
  }
}

/** Relays, one workspace with its agents, and what was written in its files. */
export class Cluster {
  readonly net: ChaosNet;
  readonly nodes: Node[];
  readonly workspace: string;
  readonly chats: string[];
  readonly written: Written = new Map(ROOTS.map((root) => [root, 0]));
  readonly agents: ModelAgent[] = [];
  readonly #clock: FakeClock;
  readonly #random: Random;

  /** @param skewsMs of each relay: how far its time of day is ahead */
  constructor(store: Store, clock: FakeClock, random: Random, skewsMs: readonly number[]) {
    this.#clock = clock;
    this.#random = random;
    this.net = new ChaosNet(random, clock);
    this.workspace = random.uuid();
    this.chats = [random.uuid(), random.uuid()];
    this.nodes = skewsMs.map((skewMs, at) => new Node(store, this.net.bus(), `relay-${at}`, { clock, skewMs }));
  }

  get nowMs(): number {
    return this.#clock.monotonicMs();
  }

  get alive(): Node[] {
    return this.nodes.filter(({ isDead }) => !isDead);
  }

  get clients(): Client[] {
    return this.nodes.flatMap(({ clients }) => [...clients]);
  }

  newAgent(): ModelAgent {
    const agent = new ModelAgent(this.workspace, this.written, this.#clock, this.#random);
    this.agents.push(agent);
    return agent;
  }

  watch(node: Node, chat = 0): Client {
    return node.watch(this.workspace, this.chats[chat] ?? "", this.written);
  }

  write(root: string): void {
    this.written.set(root, (this.written.get(root) ?? 0) + 1);
    for (const agent of this.agents) agent.noticed();
  }

  async advance(byMs: number): Promise<void> {
    await nextTurn(); // what was done before comes first
    await this.#clock.advance(byMs);
  }

  async close(): Promise<void> {
    for (const agent of this.agents) agent.disconnect();
    for (const node of this.alive) await node.kill();
  }
}
