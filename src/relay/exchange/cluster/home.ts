import type { Clock } from "../../../util/index.js";
import { type AgentLink, QuestionError, type Workspace } from "../../hub/index.js";
import type { Subscription } from "../bus/bus.js";
import {
  compareGenerations,
  type Generation,
  type LogEntry,
  type LogEvent,
  type ToHome,
  type ToHomeOf,
} from "../bus/messages.js";
import type { HomeState, Took, Wire } from "../bus/wire.js";
import type { AgentReport, Home, Hosted, Welcomed } from "../exchange.js";
import { Followers } from "./followers.js";
import { countsOf, eventOf, snapshotOf } from "./snapshot.js";
import type { Claim } from "./takeover.js";

/** How often a followed log says how far it is, in milliseconds: whoever has lost its last entry hears of it then. */
const BEACON_MS = 2_000;
/** How often a home says that it is one, so that two of one workspace find each other. Milliseconds. */
const ANNOUNCE_MS = 30_000;
/** The same for the first time: the other one may have listened too late for what was said at once. */
const FIRST_ANNOUNCE_MS = 1_000;

export interface HomeOptions {
  wire: Wire;
  workspace: Workspace;
  home: Home;
  clock: Clock;
  /** The last home that was heard of. */
  known: Generation | undefined;
  /** Called when the workspace is attached with the agent's link. */
  onWelcomed: () => void;
  /** Called when there is something for {@link HomeEnd.tick} to look after. */
  onBusy: () => void;
  /** Called once, when the workspace has no home here any more: its agent is lost, or another relay has it. */
  onOver: () => void;
}

/**
 * This relay as the home of a workspace: it has the agent, keeps the log that other relays follow, and answers what they ask.
 *
 * ```
 * agent ─▶ workspace here ─▶ entries n, n+1, … ─▶ all who follow
 *                  │
 *                  └─ a follower that lacks an entry is sent what is true now, and goes on behind the last entry of that
 * ```
 *
 * Every report of the agent counts as an entry, whether or not anybody follows, so that nobody takes what was not sent for
 * nothing.
 */
export class HomeEnd implements Hosted, Claim {
  readonly local: AgentLink;
  readonly #wire: Wire;
  readonly #workspace: Workspace;
  readonly #home: Home;
  readonly #clock: Clock;
  readonly #onWelcomed: () => void;
  readonly #onBusy: () => void;
  readonly #onOver: () => void;
  readonly #followers: Followers;
  readonly #listening: Subscription;
  #generation: Generation;
  /** How many entries the log has had. */
  #n = 0;
  #welcomed: Welcomed | undefined;
  #isOver = false;
  #isLeaving = false;
  #beaconAtMs = 0;
  #announceAtMs = Number.POSITIVE_INFINITY;

  constructor({ wire, workspace, home, clock, known, onWelcomed, onBusy, onOver }: HomeOptions) {
    this.local = home.link;
    this.#wire = wire;
    this.#workspace = workspace;
    this.#home = home;
    this.#clock = clock;
    this.#onWelcomed = onWelcomed;
    this.#onBusy = onBusy;
    this.#onOver = onOver;
    this.#followers = new Followers(workspace);
    this.#generation = { g: Math.max(Math.floor(clock.wallMs()), (known?.g ?? 0) + 1), relay: wire.relay };
    this.#listening = wire.atHome(workspace.id, (message, answer) => this.#heard(message, answer));
  }

  get generation(): Generation {
    return this.#generation;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  raiseAbove({ g }: Generation): void {
    this.#generation = { ...this.#generation, g: Math.max(this.#generation.g, g) + 1 };
  }

  // ── the agent ──

  welcomed(welcomed: Welcomed): void {
    this.#onWelcomed();
    if (this.#isOver) return;
    this.#welcomed = welcomed;
    this.#announceAtMs = this.#clock.monotonicMs() + FIRST_ANNOUNCE_MS;
    this.#onBusy();
    this.reconnected();
  }

  said(message: AgentReport): void {
    if (this.#isOver) return;
    if (this.#followers.size === 0) {
      this.#n += 1;
      return;
    }
    const event = eventOf(this.#workspace, message);
    if (event !== undefined) this.#append(event);
  }

  ended(state: "disconnected" | "timeout"): void {
    this.#end(this.#isLeaving ? "moved" : state); // the agent's turn in a drain may come late
  }

  /** The relay stops: whoever follows is told not to worry. */
  leave(): void {
    this.#isLeaving = true;
    if (this.#welcomed !== undefined) this.#say({ isLeaving: true });
  }

  /** The workspace's agent has another tunnel at this relay. */
  retire(): void {
    this.#end("moved");
  }

  /** Another relay is its home. */
  #yield(): void {
    this.retire();
    this.#workspace.handOver();
    this.#home.replaced();
  }

  #end(over: NonNullable<LogEntry["over"]>): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listening.stop();
    if (this.#welcomed !== undefined) this.#say({ over });
    this.#followers.clear();
    this.#onOver();
  }

  // ── the log ──

  #append(event: LogEvent): void {
    this.#n += 1;
    this.#say({ event });
  }

  #say(more: Pick<LogEntry, "event" | "isLeaving" | "over">): void {
    this.#wire.toLog(this.#workspace.id, { ...this.#generation, n: this.#n, ...more });
  }

  /** The bus is there, or is there again: other homes and followers hear of this one. */
  reconnected(): void {
    if (this.#isOver || this.#welcomed === undefined) return;
    this.#announce();
    this.#say({});
  }

  #announce(): void {
    this.#wire.toHome(this.#workspace.id, { type: "home", ...this.#generation });
  }

  /** @param nowMs of the monotonic clock @returns when it is to be called again at the latest, unless something comes under way */
  tick(nowMs: number): number {
    if (this.#isOver || this.#welcomed === undefined) return Number.POSITIVE_INFINITY;
    this.#followers.expire(nowMs);
    if (this.#followers.size > 0 && nowMs >= this.#beaconAtMs) {
      this.#beaconAtMs = nowMs + BEACON_MS;
      this.#say({});
    }
    if (nowMs >= this.#announceAtMs) {
      this.#announceAtMs = nowMs + ANNOUNCE_MS;
      this.reconnected();
    }
    return this.#followers.size > 0 ? Math.min(this.#beaconAtMs, this.#announceAtMs) : this.#announceAtMs;
  }

  // ── other relays ──

  #heard(message: ToHome, answer: (answer: Took | HomeState) => void): void {
    if (this.#isOver) return;
    switch (message.type) {
      case "take":
        if (compareGenerations(message, this.#generation) > 0) {
          answer({ type: "yielded" });
          this.#yield();
        } else answer({ type: "held", ...this.#generation });
        break;
      case "home":
        this.#meets(message);
        break;
      case "who":
        answer({ ...this.#generation, ...this.#stateFor(message), ...this.#countsFor(message) });
        break;
      default:
        if (this.#welcomed !== undefined) this.#serve(message, this.#welcomed);
    }
  }

  /** Another relay says that it is the home. */
  #meets(other: Generation): void {
    if (this.#welcomed === undefined) return; // the other one is asked to give it up just now
    if (compareGenerations(other, this.#generation) > 0) this.#yield();
    else this.#announce(); // it hears that it is not
  }

  #stateFor({ relay, id }: ToHomeOf<"who">): Pick<HomeState, "state" | "isKnown"> {
    const isKnown =
      relay !== undefined && id !== undefined && this.#followers.hears(relay, id, this.#clock.monotonicMs());
    return { state: this.#welcomed === undefined ? "connecting" : "connected", isKnown };
  }

  #countsFor({ chats }: ToHomeOf<"who">): Pick<HomeState, "counts"> {
    return chats === undefined ? {} : { counts: countsOf(this.#workspace, chats) };
  }

  #serve(message: Exclude<ToHome, { type: "take" | "home" | "who" }>, welcomed: Welcomed): void {
    switch (message.type) {
      case "follow":
        this.#follow(message, welcomed);
        break;
      case "refresh": {
        const { relay: to, id } = message;
        this.#followers.refresh(message, (scannedAtMs) => {
          if (!this.#isOver)
            this.#append({ type: "refreshed", to, id, scanned_at: new Date(scannedAtMs).toISOString() });
        });
        break;
      }
      case "ask":
        this.#ask(message);
        break;
      case "leave":
        this.#followers.leave(message.relay, message.id);
        break;
      default:
        message satisfies never;
    }
  }

  #follow(message: ToHomeOf<"follow">, welcomed: Welcomed): void {
    const { relay, id, known, isLost, heads } = message;
    if (known !== undefined && compareGenerations(known, this.#generation) > 0) {
      if (!isLost) {
        this.#announce(); // there is another home, which has followers: it says so to this one
        return;
      }
      this.raiseAbove(known); // this relay's clock is behind that of the home before
      this.reconnected();
    }
    if (!this.#followers.follow(message, this.#clock.monotonicMs()) || heads === undefined) return;
    this.#onBusy();
    const name = { ...this.#generation, id };
    const send = (part: Parameters<Wire["toFollower"]>[2]) => this.#wire.toFollower(relay, this.#workspace.id, part);
    const { secrets, compares } = welcomed;
    send({ type: "begin", ...name, ...(secrets !== undefined && { secrets }), compares });
    let items = 0;
    for (const event of snapshotOf(this.#workspace, this.#followers.channels(relay), heads)) {
      send({ type: "item", ...name, at: items, event });
      items += 1;
    }
    send({ type: "end", ...name, items, n: this.#n });
  }

  #ask({ relay, id, question, chat, paths, base }: ToHomeOf<"ask">): void {
    const answer = (said: { data: string; why?: QuestionError["why"] }): void => {
      this.#wire.toFollower(relay, this.#workspace.id, { type: "answer", ...this.#generation, id, ...said });
    };
    this.#workspace.ask({ chat, paths, base }, question).then(
      (found) => answer({ data: JSON.stringify(found) }),
      (thrown: unknown) => answer({ data: "", why: thrown instanceof QuestionError ? thrown.why : "no-answer" }),
    );
  }
}
