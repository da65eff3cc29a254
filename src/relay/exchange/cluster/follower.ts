import type { RelayMessage } from "../../../protocol/index.js";
import type { Clock } from "../../../util/index.js";
import { TunnelLimitError } from "../../budgets/exceeded.js";
import type { AgentLink, Workspace } from "../../hub/index.js";
import type { Subscription } from "../bus/bus.js";
import {
  compareGenerations,
  type Generation,
  type LogEntry,
  type LogEvent,
  type ToFollower,
  type ToFollowerOf,
} from "../bus/messages.js";
import type { HomeState, Wire } from "../bus/wire.js";
import type { Following, Troubles } from "../exchange.js";
import { HomePresence } from "./home-presence.js";
import { HomeSearch } from "./home-search.js";
import { Replica } from "./replica.js";
import { Requests } from "./requests.js";
import { headsOf, watchesOf } from "./snapshot.js";
import { Sync } from "./sync.js";

/** A workspace that has no room for what its agent sends is left alone for so long. Milliseconds. */
const REFUSED_MS = 30_000;
/** Where nothing is under way it is looked at so often. */
const IDLE_MS = 1_000;

const NEVER = Number.POSITIVE_INFINITY;

type Lost = "disconnected" | "timeout";

export interface FollowerOptions {
  wire: Wire;
  workspace: Workspace;
  clock: Clock;
  /** Numbers across workspaces; each is greater than the one before. */
  nextId: () => number;
  counts: Troubles;
  /** Called when something is under way: {@link Follower.tick} looks after it. */
  onBusy: () => void;
}

/**
 * A workspace that is watched here while its agent is at another relay. It takes the home's log entry by entry; whenever it
 * may lack one, it asks for what is true now, and goes on behind that:
 *
 * ```
 * looking ──▶ syncing ──▶ following ──▶ (a gap, a beacon ahead, another home, other chats) ──▶ syncing
 *    ▲                         │
 *    └── the home is lost ◀────┘
 * ```
 */
export class Follower implements Following, AgentLink {
  readonly #wire: Wire;
  readonly #workspace: Workspace;
  readonly #clock: Clock;
  readonly #nextId: () => number;
  readonly #counts: Troubles;
  readonly #onBusy: () => void;
  readonly #presence: HomePresence;
  readonly #replica: Replica;
  readonly #requests = new Requests();
  readonly #search: HomeSearch;
  #log: Subscription | undefined;
  /** The last home that was heard, or is. */
  #known: Generation | undefined;
  /** It is being heard, and `#n` is where on its log this is. */
  #isFollowing = false;
  #n = 0;
  #sync: Sync | undefined;
  /** The last `follow`: its number, and what it named. */
  #followId = 0;
  #said = "";
  /** Something else may be watched since. */
  #mayDiffer = false;
  #isRestating = false;
  #mustResume = false;
  #restartAtMs = NEVER; // of the monotonic clock

  constructor({ wire, workspace, clock, nextId, counts, onBusy }: FollowerOptions) {
    this.#wire = wire;
    this.#workspace = workspace;
    this.#clock = clock;
    this.#nextId = nextId;
    this.#counts = counts;
    this.#onBusy = onBusy;
    this.#presence = new HomePresence(clock);
    this.#replica = new Replica(workspace, this);
    this.#search = new HomeSearch(wire, workspace.id, clock);
  }

  /** The last home that was heard of. */
  get known(): Generation | undefined {
    return this.#known;
  }

  /** Another relay is, or may be, the home. */
  start(): void {
    if (this.#log !== undefined) return;
    this.#restartAtMs = NEVER;
    if (this.#replica.isAttached) this.#presence.heard();
    this.#onBusy();
    this.#log = this.#wire.onLog(this.#workspace.id, (entry) => this.#heardLog(entry));
    this.#look();
  }

  /** The agent has connected to this relay. Viewers go on with what they have until the workspace is attached with it. */
  pause(): void {
    this.#restartAtMs = NEVER;
    if (this.#log === undefined) return;
    this.#log.stop();
    this.#log = undefined;
    if (this.#followId > 0) this.#wire.toHome(this.#workspace.id, { type: "leave", ...this.#name(this.#followId) });
    this.#lose();
  }

  /** The workspace is attached with the agent's own link. */
  replaced(): void {
    this.#replica.replaced();
    this.#requests.clear();
  }

  stop(): void {
    this.pause();
    this.#leaveAgent("disconnected");
  }

  /** The bus was lost, and is back. */
  reconnected(): void {
    this.#look();
  }

  /** What the home has said may have been dropped: it is asked for all that is true, before it says so by itself. */
  mayLack(): void {
    if (this.#isFollowing) this.#syncSoon();
  }

  // ── the workspace ──

  send(message: RelayMessage): void {
    switch (message.type) {
      case "watch":
      case "unwatch":
        this.#mayDiffer = true;
        this.#goOnSoon();
        break;
      case "refresh":
        this.#requests.refresh(this.#nextId(), message);
        this.#onBusy();
        this.#goOnSoon();
        break;
      case "ask": {
        const id = this.#nextId();
        this.#requests.ask(id, message.id);
        this.#wire.toHome(this.#workspace.id, { ...message, ...this.#name(id) });
        break;
      }
      case "resync": // it is noticed by what the workspace holds
      case "ack":
      case "welcome":
        break;
      default:
        message satisfies never;
    }
  }

  /** There is no room for what the agent sends: the workspace is shown as one without an agent. */
  refuse(): void {
    this.stop();
    this.#restartAtMs = this.#now() + REFUSED_MS;
  }

  /** Once for all that is said in this turn, and what is watched before what is asked of it. */
  #goOnSoon(): void {
    if (this.#isRestating) return;
    this.#isRestating = true;
    queueMicrotask(() => {
      this.#isRestating = false;
      this.#goOn();
    });
  }

  /** Where nothing is under way: says what is watched if that has changed, else asks what is to be asked. */
  #goOn(): void {
    if (!this.#isFollowing || this.#sync !== undefined) return;
    const differs = this.#mayDiffer && this.#said !== JSON.stringify(watchesOf(this.#workspace));
    this.#mayDiffer = false;
    if (differs) this.#startSync();
    else this.#sendRefreshes({ all: false });
  }

  #sendRefreshes({ all }: { all: boolean }): void {
    for (const [id, { chat, compare }] of this.#requests.due(this.#now(), all)) {
      const asked = { chat, ...(compare !== undefined && { compare }) };
      const name = { ...this.#name(id), follow: this.#followId };
      this.#wire.toHome(this.#workspace.id, { type: "refresh", ...name, ...asked });
    }
  }

  // ── finding the home ──

  #look(): void {
    const log = this.#log;
    if (log === undefined) return;
    void this.#search.ask(this.#followId > 0 ? this.#name(this.#followId) : {}).then((home) => {
      if (home === undefined || this.#log !== log) return;
      if (typeof home === "object") this.#found(home);
      else if (home === "nobody" || (this.#replica.isAttached && this.#presence.isSilent)) this.#lost("disconnected");
    });
  }

  #found(home: HomeState): void {
    if (home.state === "connecting") return; // it says so when its agent is welcomed, and is asked again
    const order = this.#orderOf(home);
    if (order < 0 && !this.#presence.isSilent) return; // the right one is heard
    if (order < 0) this.#isFollowing = false;
    else if (order === 0) this.#presence.heard();
    if (!this.#isFollowing || !home.isKnown) this.#syncSoon();
  }

  /** The home is not there any more. */
  #lost(state: Lost): void {
    if (this.#isFollowing) this.#counts.homesLost += 1;
    this.#lose();
    this.#presence.lost();
    const { isAwaited } = this.#presence;
    if (isAwaited) this.#onBusy();
    else this.#leaveAgent(state);
    this.#search.wait(isAwaited);
  }

  #leaveAgent(state: Lost): void {
    this.#requests.clear();
    if (this.#replica.isAttached) this.#replica.detach(state);
  }

  #lose(): void {
    this.#isFollowing = false;
    this.#sync = undefined;
  }

  /** @param nowMs of the monotonic clock @returns when it is to be called again at the latest, unless something comes under way */
  tick(nowMs: number): number {
    if (nowMs >= this.#restartAtMs) this.start();
    if (this.#log === undefined) return nowMs + IDLE_MS;
    const isLost = !this.#isFollowing && this.#replica.isAttached && this.#presence.isSilent;
    if (isLost && !this.#presence.isAwaited) this.#lost("disconnected");
    const isSure = this.#isFollowing && !this.#presence.isSilent;
    if (this.#search.isDue(nowMs, isSure)) this.#look();
    if (this.#sync !== undefined && nowMs >= this.#sync.dueAtMs) this.#startSync();
    this.#goOn();
    const isLooking = !this.#isFollowing && (this.#replica.isAttached || this.#presence.isAwaited);
    return this.#sync !== undefined || isLooking || this.#requests.areRefreshing ? nowMs : nowMs + IDLE_MS;
  }

  // ── syncing ──

  #syncSoon(): void {
    if (this.#sync === undefined) this.#startSync();
  }

  #startSync(): void {
    const id = this.#nextId();
    const watches = watchesOf(this.#workspace);
    this.#counts.syncs += 1;
    this.#onBusy();
    this.#followId = id;
    this.#said = JSON.stringify(watches);
    this.#sync = new Sync(id, this.#now(), this.#sync);
    this.#wire.toHome(this.#workspace.id, {
      type: "follow",
      ...this.#name(id),
      ...(this.#known !== undefined && { known: this.#known }),
      isLost: this.#presence.isSilent,
      watches,
      heads: headsOf(this.#workspace),
    });
  }

  /** The home says something to this relay alone. */
  heard(message: ToFollower): void {
    if (this.#log === undefined) return;
    if (message.type === "answer") {
      const question = this.#requests.answered(message.id);
      if (question !== undefined) this.#replica.answer(question, message.data);
      return;
    }
    const sync = this.#sync;
    if (message.id === sync?.id) this.#guard(() => this.#heardSync(sync, message));
  }

  #heardSync(sync: Sync, message: Exclude<ToFollower, { type: "answer" }>): void {
    if (message.type === "begin") this.#begin(sync, message);
    if (!sync.isFrom(message)) return;
    this.#presence.heard();
    if (message.type === "end" && sync.isNext(message.items)) this.#finish(sync, message.n);
    if (message.type !== "item" || !sync.isNext(message.at)) return; // something of it was lost: it is asked for again
    const { event } = message;
    if (event.type !== "refreshed" && this.#replica.take(event)) sync.taken();
  }

  #begin(sync: Sync, { g, relay, secrets, compares }: ToFollowerOf<"begin">): void {
    const from = { g, relay };
    const order = this.#orderOf(from);
    if (order < 0 || !sync.begin(from)) return;
    if (order > 0) this.#isFollowing = false; // another log
    this.#known = from;
    if (this.#replica.attach({ secrets, compares })) this.#mustResume = true;
  }

  #finish(sync: Sync, n: number): void {
    this.#lose(); // of the sync
    this.#isFollowing = true;
    this.#n = n;
    this.#presence.hasMoved();
    this.#search.found();
    if (this.#mustResume) {
      this.#mustResume = false;
      this.#workspace.resume();
    }
    for (const entry of sync.kept) {
      const isCovered = this.#orderOf(entry) === 0 && entry.n <= n; // the sync had all that was before it
      if (isCovered && entry.event?.type === "refreshed") this.#pass(entry.event);
      else this.#heardLog(entry);
    }
    if (this.#sync !== undefined) return;
    if (this.#said === JSON.stringify(watchesOf(this.#workspace))) this.#sendRefreshes({ all: true });
    else this.#startSync();
  }

  /** @returns below 0 for a home before the one that is known, and above for a later one */
  #orderOf(home: Generation): number {
    return this.#known === undefined ? 1 : compareGenerations(home, this.#known);
  }

  // ── following ──

  #heardLog(entry: LogEntry): void {
    const order = this.#orderOf(entry);
    if (order < 0) return;
    this.#presence.heard();
    if (order > 0) {
      this.#lose(); // what the home before says counts for nothing
      this.#known = { g: entry.g, relay: entry.relay };
    }
    if (entry.over !== undefined) {
      this.#heardEnd(entry.over);
      return;
    }
    if (entry.isLeaving === true) this.#presence.isMoving();
    if (!this.#isFollowing) this.#syncSoon();
    if (this.#sync === undefined) this.#guard(() => this.#take(entry));
    else this.#sync.keep(entry);
  }

  #heardEnd(over: NonNullable<LogEntry["over"]>): void {
    if (over === "moved") {
      this.#presence.isMoving();
      this.#lose(); // it is not lost
    }
    this.#lost(over === "moved" ? "disconnected" : over);
  }

  #take({ n, event }: LogEntry): void {
    if (n <= this.#n) return; // it was repeated, or is late
    if (event !== undefined && n === this.#n + 1 && this.#apply(event)) this.#n = n;
    else {
      this.#counts.gaps += 1;
      this.#startSync();
    }
  }

  /** @returns whether nothing before it is missing */
  #apply(event: LogEvent): boolean {
    if (event.type !== "refreshed") return this.#replica.take(event);
    this.#pass(event);
    return true;
  }

  #pass({ to, id, scanned_at }: Extract<LogEvent, { type: "refreshed" }>): void {
    const refresh = to === this.#wire.relay ? this.#requests.passed(id) : undefined;
    if (refresh !== undefined) this.#replica.pass(refresh, scanned_at);
  }

  #guard(take: () => void): void {
    try {
      take();
    } catch (thrown) {
      if (!(thrown instanceof TunnelLimitError)) throw thrown;
      this.refuse();
    }
  }

  #name(id: number) {
    return { relay: this.#wire.relay, id };
  }

  #now = (): number => this.#clock.monotonicMs();
}
