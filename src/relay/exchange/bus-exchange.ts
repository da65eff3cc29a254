import { LRUCache } from "lru-cache";
import type { Answer, Question } from "../../protocol/index.js";
import type { Clock } from "../../util/index.js";
import { type AgentState, type Binding, QuestionError, type Workspace } from "../hub/index.js";
import type { Soon } from "../soon.js";
import { type Bus, NobodyListensError, NoReplyError, type Subscription } from "./bus/bus.js";
import { Wire } from "./bus/wire.js";
import { Follower } from "./cluster/follower.js";
import { HomeEnd } from "./cluster/home.js";
import { RemoteQuestions } from "./cluster/remote-questions.js";
import { takeOver } from "./cluster/takeover.js";
import type { Exchange, Following, Home, Hosted } from "./exchange.js";

/** How often homes and followers look at their clocks, in milliseconds. */
const TICK_MS = 200;
/** How long others have to say where an agent is, and for how long that holds. */
const WHO_MS = 1_000;
const STATE_MS = 1_000;
const MAX_STATES = 10_000;

/** What this relay is to a workspace. */
interface Seat {
  home?: HomeEnd;
  follower?: Follower;
}

export interface BusExchangeOptions {
  bus: Bus;
  /** The relay's name: letters, digits, `-` and `_`; another one for each start. */
  relay: string;
  clock: Clock;
  /** The state of an agent as far as this relay knows. @param workspace its id, in lower case */
  stateHere: (workspace: string) => AgentState;
}

/**
 * Many relays: each is the home of the workspaces whose agents have connected to it, and follows those that are watched at it.
 * Nothing is stored anywhere: who is a workspace's home is found by asking.
 */
export class BusExchange implements Exchange {
  readonly #bus: Bus;
  readonly #wire: Wire;
  readonly #clock: Clock;
  readonly #stateHere: (workspace: string) => AgentState;
  readonly #seats = new Map<string, Seat>();
  readonly #states = new LRUCache<string, { state: AgentState; atMs: number }>({ max: MAX_STATES });
  readonly #toFollowers: Subscription;
  readonly #questions = new RemoteQuestions();
  #ids = 0;
  #cancelTick: () => void = () => undefined;

  constructor({ bus, relay, clock, stateHere }: BusExchangeOptions) {
    this.#bus = bus;
    this.#wire = new Wire(bus, relay);
    this.#clock = clock;
    this.#stateHere = stateHere;
    this.#toFollowers = this.#wire.atFollower((workspace, message) => {
      if (message.type === "answer" && this.#questions.heard(message)) return;
      this.#seats.get(workspace)?.follower?.heard(message);
    });
    bus.onReconnected(() => {
      for (const { home, follower } of [...this.#seats.values()]) {
        home?.reconnected();
        follower?.reconnected();
      }
    });
    this.#tickSoon();
  }

  get isConnected(): boolean {
    return this.#bus.isConnected;
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
      seat = {};
      this.#seats.set(workspace, seat);
    }
    return seat;
  }

  #tidy(workspace: string, seat: Seat): void {
    const isUnused = seat.home === undefined && seat.follower === undefined;
    if (isUnused && this.#seats.get(workspace) === seat) this.#seats.delete(workspace);
  }

  agentState(workspace: string): Soon<AgentState> {
    const here = this.#stateHere(workspace);
    if (here === "connected" || this.#seats.get(workspace)?.home !== undefined) return here;
    const known = this.#states.get(workspace);
    if (known !== undefined && this.#clock.monotonicMs() - known.atMs < STATE_MS) return known.state;
    return this.#askState(workspace, here);
  }

  async #askState(workspace: string, here: AgentState): Promise<AgentState> {
    let state = here;
    try {
      state = (await this.#wire.who(workspace, { type: "who" }, WHO_MS))?.state ?? here;
    } catch (thrown) {
      if (!(thrown instanceof NobodyListensError) && !(thrown instanceof NoReplyError)) throw thrown;
    }
    this.#states.set(workspace, { state, atMs: this.#clock.monotonicMs() });
    return state;
  }

  async ask({ workspace, chat, paths, base }: Binding, question: Question): Promise<Answer> {
    if ((await this.agentState(workspace)) !== "connected") throw new QuestionError("no-agent");
    const id = this.#nextId();
    const about = { chat, paths: [...paths], ...(base !== undefined && base !== "" && { base }) };
    return await this.#questions.ask(id, () => {
      this.#wire.toHome(workspace, { type: "ask", relay: this.#wire.relay, id, ...about, question });
    });
  }

  drain(): void {
    for (const { home } of this.#seats.values()) home?.leave();
  }

  async close(): Promise<void> {
    this.#cancelTick();
    this.#toFollowers.stop();
    await this.#bus.close();
  }

  #tickSoon(): void {
    this.#cancelTick = this.#clock.after(TICK_MS, () => {
      const now = this.#clock.monotonicMs();
      for (const { home, follower } of this.#seats.values()) {
        home?.tick(now);
        follower?.tick(now);
      }
      this.#tickSoon();
    });
  }
}
