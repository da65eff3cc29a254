import type { Answer, Question } from "../../protocol/index.js";
import type { Clock } from "../../util/index.js";
import { type AgentState, type Binding, QuestionError, type Workspace } from "../hub/index.js";
import type { Soon } from "../soon.js";
import { activityHere } from "./activity.js";
import type { Bus, Subscription } from "./bus/bus.js";
import { Wire } from "./bus/wire.js";
import { Elsewhere } from "./cluster/elsewhere.js";
import { Follower } from "./cluster/follower.js";
import { HomeEnd } from "./cluster/home.js";
import { RemoteQuestions } from "./cluster/remote-questions.js";
import { takeOver } from "./cluster/takeover.js";
import type { Activity, Exchange, ExchangeCounts, Following, Here, Home, Hosted, Troubles } from "./exchange.js";

/** How often homes and followers look at their clocks, in milliseconds. */
const TICK_MS = 200;
/** A loop that stood still for so long may have been sent more than the bus keeps for it, which drops the rest without a word. */
const LATE_MS = 2_000;
/** When something has to be said of all workspaces, it is of so many at a time: whatever waits for the loop comes between. */
const SLICE = 200;
const NEVER = Number.POSITIVE_INFINITY;

/** What this relay is to a workspace. */
interface Seat {
  /** It is looked at then, of the monotonic clock: most need it rarely. */
  dueAtMs: number;
  home?: HomeEnd;
  follower?: Follower;
}

export interface BusExchangeOptions {
  bus: Bus;
  /** The relay's name: letters, digits, `-` and `_`; another one for each start. */
  relay: string;
  clock: Clock;
  /** What this relay knows by itself. */
  here: Here;
  /** Another relay refuses an address for so long, since somebody guesses tokens there. */
  onRefused?: (address: string, forMs: number) => void;
}

/**
 * Many relays: each is the home of the workspaces whose agents have connected to it, and follows those that are watched at it.
 * Nothing is stored anywhere: who is a workspace's home is found by asking.
 */
export class BusExchange implements Exchange {
  readonly isAlone = false;
  readonly #bus: Bus;
  readonly #wire: Wire;
  readonly #clock: Clock;
  readonly #here: Here;
  readonly #elsewhere: Elsewhere;
  readonly #seats = new Map<string, Seat>();
  readonly #toFollowers: Subscription;
  readonly #toRelays: Subscription;
  readonly #troubles: Troubles = { gaps: 0, syncs: 0, homesLost: 0 };
  readonly #questions = new RemoteQuestions();
  #ids = 0;
  #cancelTick: () => void = () => undefined;

  constructor({ bus, relay, clock, here, onRefused }: BusExchangeOptions) {
    this.#bus = bus;
    this.#wire = new Wire(bus, relay);
    this.#clock = clock;
    this.#here = here;
    this.#elsewhere = new Elsewhere(this.#wire, clock, here);
    this.#toRelays = this.#wire.atRelays(({ address, forMs }) => onRefused?.(address, forMs));
    this.#toFollowers = this.#wire.atFollower((workspace, message) => {
      if (message.type === "answer" && this.#questions.heard(message)) return;
      this.#seats.get(workspace)?.follower?.heard(message);
    });
    bus.onReconnected(() => {
      this.#forAll(({ home, follower }) => {
        home?.reconnected();
        follower?.reconnected();
      });
    });
    this.#tickSoon();
  }

  get isConnected(): boolean {
    return this.#bus.isConnected;
  }

  get counts(): ExchangeCounts {
    let hosted = 0;
    let followed = 0;
    for (const { home, follower } of this.#seats.values()) {
      if (home !== undefined) hosted += 1;
      else if (follower !== undefined) followed += 1;
    }
    return { hosted, followed, ...this.#troubles };
  }

  async host(workspace: Workspace, home: Home): Promise<Hosted> {
    const seat = this.#seat(workspace.id);
    const { home: before, follower } = seat;
    follower?.pause();
    const known = before?.generation ?? follower?.known;
    const hosted: HomeEnd = new HomeEnd({
      wire: this.#wire,
      workspace,
      home,
      clock: this.#clock,
      known,
      onWelcomed: () => seat.follower?.replaced(),
      onBusy: () => isBusy(seat),
      onOver: () => this.#isOver(workspace.id, hosted),
    });
    seat.home = hosted;
    before?.retire();
    try {
      await takeOver(this.#wire, workspace.id, hosted);
    } catch (thrown) {
      hosted.retire();
      throw thrown;
    }
    return hosted;
  }

  #isOver(workspace: string, hosted: HomeEnd): void {
    const seat = this.#seats.get(workspace);
    if (seat?.home !== hosted) return;
    delete seat.home;
    seat.follower?.start();
    this.#tidy(workspace, seat);
  }

  follow(workspace: Workspace): Following {
    const { id } = workspace;
    const seat = this.#seat(id);
    const follower = new Follower({
      wire: this.#wire,
      workspace,
      clock: this.#clock,
      nextId: () => this.#nextId(),
      counts: this.#troubles,
      onBusy: () => isBusy(seat),
    });
    seat.follower = follower;
    if (seat.home === undefined) follower.start();
    return {
      stop: () => {
        follower.stop();
        if (seat.follower !== follower) return;
        delete seat.follower;
        this.#tidy(id, seat);
      },
    };
  }

  #nextId(): number {
    this.#ids += 1;
    return this.#ids;
  }

  #seat(workspace: string): Seat {
    let seat = this.#seats.get(workspace);
    if (seat === undefined) {
      seat = { dueAtMs: 0 };
      this.#seats.set(workspace, seat);
    }
    return seat;
  }

  #tidy(workspace: string, seat: Seat): void {
    const isUnused = seat.home === undefined && seat.follower === undefined;
    if (isUnused && this.#seats.get(workspace) === seat) this.#seats.delete(workspace);
  }

  agentState(workspace: string): Soon<AgentState> {
    const here = this.#here.agentState(workspace);
    if (here === "connected" || this.#isHome(workspace)) return here;
    return this.#elsewhere.agentState(workspace);
  }

  activity(workspace: string, chats: readonly string[]): Soon<Activity> {
    return this.#isHome(workspace)
      ? activityHere(this.#here, workspace, chats)
      : this.#elsewhere.activity(workspace, chats);
  }

  #isHome(workspace: string): boolean {
    return this.#seats.get(workspace)?.home !== undefined;
  }

  async ask({ workspace, chat, paths, base }: Binding, question: Question): Promise<Answer> {
    if ((await this.agentState(workspace)) !== "connected") throw new QuestionError("no-agent");
    const id = this.#nextId();
    const about = { chat, paths: [...paths], ...(base !== undefined && base !== "" && { base }) };
    return await this.#questions.ask(id, () => {
      this.#wire.toHome(workspace, { type: "ask", relay: this.#wire.relay, id, ...about, question });
    });
  }

  refuseEverywhere(address: string, forMs: number): void {
    this.#wire.toRelays({ type: "guessing", address, forMs });
  }

  drain(): void {
    for (const { home } of this.#seats.values()) home?.leave();
  }

  async close(): Promise<void> {
    this.#cancelTick();
    for (const { follower } of this.#seats.values()) follower?.pause(); // homes need not wait until they forget this relay
    this.#toFollowers.stop();
    this.#toRelays.stop();
    await this.#bus.close();
  }

  #forAll(run: (seat: Seat) => void): void {
    const left = [...this.#seats.values()];
    const next = (): void => {
      for (const seat of left.splice(0, SLICE)) run(seat);
      if (left.length > 0) setImmediate(next);
    };
    next();
  }

  #tickSoon(): void {
    const setAtMs = this.#clock.monotonicMs();
    this.#cancelTick = this.#clock.after(TICK_MS, () => {
      const now = this.#clock.monotonicMs();
      if (now - setAtMs > TICK_MS + LATE_MS) this.#forAll(({ follower }) => follower?.mayLack());
      for (const seat of this.#seats.values()) {
        if (now < seat.dueAtMs) continue;
        const { home, follower } = seat;
        seat.dueAtMs = Math.min(home?.tick(now) ?? NEVER, follower?.tick(now) ?? NEVER);
      }
      this.#elsewhere.tick(now);
      this.#tickSoon();
    });
  }
}

/** Something is under way: it is looked at in the next turn. */
function isBusy(seat: Seat): void {
  seat.dueAtMs = 0;
}
