import { mock } from "node:test";
import { RetryDelay } from "../../src/util/index.js";
import { ChaosNet, type Faults } from "../../test/relay/exchange/support/chaos-net.js";
import { type Client, Node } from "../../test/relay/exchange/support/cluster.js";
import { ModelAgent, type Written } from "../../test/relay/exchange/support/model-agent.js";
import { Random } from "../../test/support/random.js";
import { KEPT_NOWHERE } from "./kept-nowhere.js";
import { SimulatedClock } from "./simulated-clock.js";

/** What a simulation is of. Times are the simulated ones. */
export interface Size {
  relays: number;
  /** NATS servers, over which the relays are dealt. */
  servers: number;
  /** Each has an agent that is connected. */
  workspaces: number;
  /** So many of them are watched, each by so many viewers, at relays that chance picks. */
  watched: number;
  viewersEach: number;
  /** Of all that is watched together, in a second. */
  editsPerSecond: number;
  refreshesPerSecond: number;
}

/** How long agents and viewers take to come, how long nothing happens, and how long it may take until all is right. */
const COMING_MS = 20_000;
const STEADY_MS = 10_000;
const MOST_MS = 180_000;
/** Whatever was asked has its answer by then: what was lost is asked for again after 5 s at most. */
const ANSWERED_MS = 12_000;
const SECOND_MS = 1_000;
/** A connection that was there for longer than any delay depends on. */
const HELD = { lastedMs: 3_600_000, welcomed: true };
const BUS_BYTES = 1024 * 1024;
const ROOT = "/home/me/app";

/** What a simulation has found. Times in milliseconds. */
export interface Outcome {
  /** Workspaces of a relay: of the one with the fewest, the middle one and the one with the most. */
  placed: number[];
  placedAfter: number[];
  agentsLost: number;
  viewersConcerned: number;
  /** From the failure until a viewer was shown what was edited right behind it. */
  rightMs: number[];
  /** The same from when the agent was welcome at another relay, of viewers that kept their relay. */
  sinceAgentMs: number[];
  neverRight: number;
  gaps: number;
  syncs: number;
  homesLost: number;
  barriers: number;
  wrong: string[];
  unanswered: number;
  /** Messages in a second that go in and out at one relay, and at one NATS server: on the average before, and most after the failure. */
  perRelay: Rate;
  perServer: Rate;
}

export interface Rate {
  /** Of the busiest one, before the failure. */
  steady: number;
  /** Of any, in the worst second behind it. */
  peak: number;
}

interface Place {
  readonly workspace: string;
  readonly chat: string;
  readonly written: Written;
  readonly agent: ModelAgent;
  home: Node | undefined;
  /** When its agent was welcome again. */
  backAtMs: number | undefined;
}

interface Seat {
  readonly place: Place;
  node: Node | undefined;
  client: Client | undefined;
  /** It waits to be shown this, of the place that has lost its home. */
  wants: number;
  keptRelay: boolean;
}

/** Relays by the hundred with all that they are, their sockets, stores and NATS servers aside; what fails is up to the seed. */
export class Simulation {
  readonly #size: Size;
  readonly #random: Random;
  readonly #clock = new SimulatedClock();
  readonly #net: ChaosNet;
  readonly #nodes: Node[];
  readonly #places: Place[] = [];
  readonly #seats: Seat[] = [];
  readonly #waiting = new Set<Seat>();
  readonly #outcome: Outcome;
  #failedAtMs = Number.POSITIVE_INFINITY;
  #lastTraffic: number[];
  #isOver = false;

  constructor(size: Size, faults: Faults, seed: number) {
    mock.timers.enable({ apis: ["setTimeout", "setInterval"] }); // of hubs, which would go by the machine's time
    this.#size = size;
    this.#random = new Random(seed);
    this.#net = new ChaosNet(this.#random, this.#clock);
    this.#net.faults = faults;
    this.#nodes = Array.from(
      { length: size.relays },
      (_, at) => new Node(KEPT_NOWHERE, this.#net.bus(BUS_BYTES), `relay-${at}`, { clock: this.#clock, skewMs: 0 }),
    );
    this.#lastTraffic = this.#nodes.map(() => 0);
    this.#outcome = {
      ...{ placed: [], placedAfter: [], agentsLost: 0, viewersConcerned: 0, rightMs: [], sinceAgentMs: [] },
      ...{ neverRight: 0, gaps: 0, syncs: 0, homesLost: 0, barriers: 0, wrong: [], unanswered: 0 },
      perRelay: { steady: 0, peak: 0 },
      perServer: { steady: 0, peak: 0 },
    };
  }

  /** @param failing so many relays are killed at once @param said told how far it is */
  async run(failing: number, said: (text: string) => void): Promise<Outcome> {
    try {
      await this.#begin(said);
      said("nothing happens");
      await this.#goSteady();
      said(`${failing} relays are killed`);
      await this.#fail(failing);
      await this.#settle();
      return this.#outcome;
    } finally {
      this.#isOver = true;
      mock.timers.reset();
    }
  }

  async #begin(said: (text: string) => void): Promise<void> {
    const { workspaces, watched, viewersEach } = this.#size;
    said(`${workspaces} agents come`);
    for (let number = 0; number < workspaces; number += 1) {
      const [workspace, chat] = [idOf(1, number), idOf(2, number)];
      const written: Written = new Map([[ROOT, 1]]);
      const agent = new ModelAgent(workspace, written, this.#clock, this.#random);
      const place: Place = { workspace, chat, written, agent, home: undefined, backAtMs: undefined };
      this.#places.push(place);
      this.#clock.after(this.#random.below(COMING_MS), () => this.#connect(place));
    }
    await this.#clock.advance(COMING_MS + SECOND_MS);
    this.#outcome.placed = this.#spread();
    said(`${watched * viewersEach} viewers come`);
    const places = this.#places.slice(0, watched);
    for (const place of places) {
      for (let viewer = 0; viewer < viewersEach; viewer += 1) {
        const seat: Seat = { place, node: undefined, client: undefined, wants: 0, keptRelay: true };
        this.#seats.push(seat);
        this.#clock.after(this.#random.below(COMING_MS), () =>
          this.#sit(seat, new RetryDelay(() => this.#random.next())),
        );
      }
    }
    await this.#clock.advance(COMING_MS);
    this.#every(this.#size.editsPerSecond, () => this.#edit(this.#random.pick(places)));
    this.#every(this.#size.refreshesPerSecond, () => this.#random.pick(this.#seats).client?.refresh());
    this.#every(1, () => this.#countTraffic());
    await this.#clock.advance(COMING_MS / 4);
  }

  /** @param perSecond so often, evenly */
  #every(perSecond: number, run: () => void): void {
    const everyMs = SECOND_MS / perSecond;
    let at = this.#clock.monotonicMs();
    const again = (): void => {
      if (this.#isOver) return;
      run();
      at += everyMs;
      this.#clock.after(at - this.#clock.monotonicMs(), again);
    };
    this.#clock.after(everyMs, again);
  }

  get #alive(): Node[] {
    return this.#nodes.filter(({ isDead }) => !isDead);
  }

  #connect(place: Place): void {
    const node = this.#random.pick(this.#alive);
    place.home = node;
    const connected = place.agent.connect(node).then(() => {
      if (this.#failedAtMs < Number.POSITIVE_INFINITY) place.backAtMs = this.#clock.monotonicMs();
    });
    void connected;
  }

  /** A viewer comes to a relay, and comes again where no agent is known. */
  #sit(seat: Seat, retry: RetryDelay): void {
    const { workspace, chat, written } = seat.place;
    const node = this.#random.pick(this.#alive);
    const started = this.#clock.monotonicMs();
    const asked = Promise.resolve(node.exchange.agentState(workspace)).then((state) => {
      if (node.isDead || state !== "connected") {
        const lastedMs = this.#clock.monotonicMs() - started;
        const delayMs = retry.next({ lastedMs, welcomed: false, isAgentAway: !node.isDead });
        this.#clock.after(delayMs, () => this.#sit(seat, retry));
        return;
      }
      seat.node = node;
      const client = node.watch(workspace, chat, written);
      client.onShown = () => this.#shown(seat);
      seat.client = client;
    });
    void asked;
  }

  #edit(place: Place): void {
    place.written.set(ROOT, (place.written.get(ROOT) ?? 0) + 1);
    place.agent.noticed();
  }

  #shown(seat: Seat): void {
    if (!this.#waiting.has(seat) || (seat.client?.shown.get(ROOT) ?? 0) < seat.wants) return;
    this.#waiting.delete(seat);
    const now = this.#clock.monotonicMs();
    this.#outcome.rightMs.push(now - this.#failedAtMs);
    const { backAtMs } = seat.place;
    if (seat.keptRelay && backAtMs !== undefined) this.#outcome.sinceAgentMs.push(now - backAtMs);
  }

  async #goSteady(): Promise<void> {
    const before = this.#nodes.map(trafficOf);
    this.#resetCounts();
    await this.#clock.advance(STEADY_MS);
    const perSecond = this.#nodes.map((node, at) => ((trafficOf(node) - (before[at] ?? 0)) * SECOND_MS) / STEADY_MS);
    this.#outcome.perRelay.steady = Math.max(...perSecond);
    this.#outcome.perServer.steady = Math.max(...this.#byServer(perSecond));
  }

  #resetCounts(): void {
    this.#outcome.perRelay.peak = 0;
    this.#outcome.perServer.peak = 0;
  }

  #countTraffic(): void {
    const now = this.#nodes.map(trafficOf);
    const second = now.map((count, at) => count - (this.#lastTraffic[at] ?? 0));
    this.#lastTraffic = now;
    const { perRelay, perServer } = this.#outcome;
    perRelay.peak = Math.max(perRelay.peak, ...second);
    perServer.peak = Math.max(perServer.peak, ...this.#byServer(second));
  }

  /** @param perRelay messages of each relay: all that goes in and out there does so at its NATS server */
  #byServer(perRelay: readonly number[]): number[] {
    const { servers } = this.#size;
    const sums = Array.from({ length: servers }, () => 0);
    for (const [at, count] of perRelay.entries()) sums[at % servers] = (sums[at % servers] ?? 0) + count;
    return sums;
  }

  async #fail(failing: number): Promise<void> {
    this.#resetCounts();
    for (const { exchange } of this.#nodes.slice(failing)) this.#subtract(exchange.counts);
    this.#failedAtMs = this.#clock.monotonicMs();
    const dead = new Set(this.#nodes.slice(0, failing));
    const seats = this.#seats.filter(({ node, place }) => isOneOf(dead, node) || isOneOf(dead, place.home));
    this.#outcome.viewersConcerned = seats.length;
    for (const node of dead) await node.kill();
    for (const seat of seats) {
      seat.keptRelay = !isOneOf(dead, seat.node);
      if (seat.keptRelay) continue;
      this.#note(seat.client);
      seat.client = undefined;
      seat.node = undefined;
      const retry = new RetryDelay(() => this.#random.next());
      this.#clock.after(retry.next(HELD), () => this.#sit(seat, retry));
    }
    for (const place of this.#places) {
      if (!isOneOf(dead, place.home)) continue;
      this.#outcome.agentsLost += 1;
      place.home = undefined;
      place.agent.disconnect();
      const retry = new RetryDelay(() => this.#random.next());
      this.#clock.after(retry.next(HELD), () => this.#connect(place));
    }
    for (const place of new Set(seats.map((seat) => seat.place))) this.#edit(place);
    for (const seat of seats) {
      seat.wants = seat.place.written.get(ROOT) ?? 0;
      this.#waiting.add(seat);
    }
  }

  async #settle(): Promise<void> {
    const end = this.#clock.monotonicMs() + MOST_MS;
    while (this.#waiting.size > 0 && this.#clock.monotonicMs() < end) await this.#clock.advance(SECOND_MS);
    const outcome = this.#outcome;
    outcome.neverRight = this.#waiting.size;
    outcome.placedAfter = this.#spread();
    for (const { exchange } of this.#alive) {
      const { gaps, syncs, homesLost } = exchange.counts;
      outcome.gaps += gaps;
      outcome.syncs += syncs;
      outcome.homesLost += homesLost;
    }
    this.#isOver = true;
    await this.#clock.advance(ANSWERED_MS);
    for (const { client } of this.#seats) {
      this.#note(client);
      outcome.unanswered += client?.unanswered.length ?? 0;
    }
  }

  /** What was counted before the failure does not count. */
  #subtract({ gaps, syncs, homesLost }: { gaps: number; syncs: number; homesLost: number }): void {
    this.#outcome.gaps -= gaps;
    this.#outcome.syncs -= syncs;
    this.#outcome.homesLost -= homesLost;
  }

  #note(client: Client | undefined): void {
    this.#outcome.wrong.push(...(client?.faults ?? []));
    this.#outcome.barriers += client?.passed ?? 0;
  }

  #spread(): number[] {
    const hosted = this.#alive.map(({ exchange }) => exchange.counts.hosted).sort((one, other) => one - other);
    return [hosted[0] ?? 0, hosted[hosted.length >> 1] ?? 0, hosted.at(-1) ?? 0];
  }
}

function isOneOf(nodes: ReadonlySet<Node>, node: Node | undefined): boolean {
  return node !== undefined && nodes.has(node);
}

function trafficOf({ bus }: Node): number {
  return bus.sent + bus.received;
}

/** @param kind tells workspaces from chats */
function idOf(kind: number, number: number): string {
  return `0000000${kind}-0000-4000-8000-${String(number).padStart(12, "0")}`;
}
