import {
  type Bus,
  type BusMessage,
  NobodyListensError,
  NoReplyError,
  type Subscription,
} from "../../../../src/relay/exchange/bus/bus.js";
import type { Clock } from "../../../../src/util/index.js";
import type { Random } from "../../../support/random.js";

/** What goes wrong between relays. */
export interface Faults {
  /** Of so many of a message's deliveries it is lost, and so many come twice: 0 to 1. */
  loss: number;
  repeats: number;
  /** A delivery takes up to so long. At one subject, from one relay to another, none overtakes another one. Milliseconds. */
  maxDelayMs: number;
  /** But of these, which are late by so much more, others overtake. Default: 0. */
  reorders?: number;
}

export const NO_FAULTS: Faults = { loss: 0, repeats: 0, maxDelayMs: 3 };
/** How much later one arrives that others overtake, at most. Milliseconds. */
const OVERTAKEN_MS = 50;

interface Lane {
  /** When the last of them arrives. */
  lastAt: number;
  readonly waiting: (() => void)[];
}

interface Listener {
  readonly bus: ChaosBus;
  readonly subject: string;
  readonly heard: (message: BusMessage) => void;
  isOn: boolean;
}

/** A network between relays on which everything that may go wrong does, as a seed decides. */
export class ChaosNet {
  faults: Faults = NO_FAULTS;
  /** By subject; those below a subject by what it begins with. */
  readonly #listeners = new Map<string, Set<Listener>>();
  /** How many messages were published. */
  published = 0;
  readonly #random: Random;
  readonly #clock: Clock;
  /** What is on its way in each lane, in its order. */
  readonly #lanes = new Map<string, Lane>();
  #buses = 0;

  constructor(random: Random, clock: Clock) {
    this.#random = random;
    this.#clock = clock;
  }

  bus(maxBytes = 256): ChaosBus {
    this.#buses += 1;
    return new ChaosBus(this, this.#clock, `bus-${this.#buses}`, maxBytes);
  }

  /** How many listen. */
  get size(): number {
    let size = 0;
    for (const listeners of this.#listeners.values()) size += listeners.size;
    return size;
  }

  listen(listener: Listener): () => void {
    const key = listener.subject.endsWith(".>") ? listener.subject.slice(0, -1) : listener.subject;
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key);
    };
  }

  *#listenersAt(subject: string): Iterable<Listener> {
    yield* this.#listeners.get(subject) ?? [];
    for (let at = subject.indexOf("."); at >= 0; at = subject.indexOf(".", at + 1)) {
      yield* this.#listeners.get(subject.slice(0, at + 1)) ?? [];
    }
  }

  /** @returns how many listen */
  publish(from: ChaosBus, subject: string, data: Uint8Array, reply: (data: Uint8Array) => void): number {
    this.published += 1;
    from.sent += 1;
    let count = 0;
    for (const listener of this.#listenersAt(subject)) {
      const { bus } = listener;
      if (bus === from || !this.#areJoined(from, bus)) continue;
      count += 1;
      const lane = `${from.name} ${subject} ${bus.name}`;
      this.deliver(lane, () => {
        if (!listener.isOn || from.isCut || !bus.isConnected) return;
        bus.received += 1;
        listener.heard({ subject, data: Uint8Array.from(data), reply });
      });
    }
    return count;
  }

  #areJoined(from: ChaosBus, to: ChaosBus): boolean {
    return from.isConnected && to.isConnected;
  }

  /** Has something arrive later, never, or twice. @param lane in which nothing overtakes */
  deliver(lane: string, arrive: () => void): void {
    const { loss, repeats, maxDelayMs, reorders = 0 } = this.faults;
    if (this.#random.chance(loss)) return;
    const times = this.#random.chance(repeats) ? 2 : 1;
    for (let time = 0; time < times; time += 1) {
      if (reorders > 0 && this.#random.chance(reorders)) {
        this.#clock.after(this.#random.small(0, maxDelayMs + OVERTAKEN_MS), arrive);
        continue;
      }
      const now = this.#clock.monotonicMs();
      const known = this.#lanes.get(lane) ?? { lastAt: 0, waiting: [] };
      this.#lanes.set(lane, known);
      known.lastAt = Math.max(known.lastAt, now + this.#random.small(0, maxDelayMs));
      known.waiting.push(arrive);
      // also where timers of one time change places
      this.#clock.after(known.lastAt - now, () => {
        const next = known.waiting.shift();
        if (known.waiting.length === 0 && this.#lanes.get(lane) === known) this.#lanes.delete(lane);
        next?.();
      });
    }
  }
}

/** One relay's end of it. */
export class ChaosBus implements Bus {
  /** Nothing that is on its way arrives either. */
  isCut = false;
  #isClosed = false;
  /** How many messages have gone out here, and come in. */
  sent = 0;
  received = 0;
  maxBytes: number;
  readonly name: string;
  readonly #net: ChaosNet;
  readonly #clock: Clock;
  readonly #back: (() => void)[] = [];
  readonly #listening = new Set<() => void>();

  constructor(net: ChaosNet, clock: Clock, name: string, maxBytes: number) {
    this.#net = net;
    this.#clock = clock;
    this.name = name;
    this.maxBytes = maxBytes;
  }

  get isConnected(): boolean {
    return !this.isCut && !this.#isClosed;
  }

  publish(subject: string, data: Uint8Array): void {
    if (data.length > this.maxBytes) throw new Error(`${data.length} bytes at once`);
    this.#net.publish(this, subject, data, () => undefined);
  }

  request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (!this.isConnected) {
        reject(new NoReplyError("cut off"));
        return;
      }
      const cancel = this.#clock.after(timeoutMs, () => reject(new NoReplyError(subject)));
      const reply = (answer: Uint8Array) =>
        this.#net.deliver(`answers ${this.name}`, () => {
          this.received += 1;
          cancel();
          resolve(answer);
        });
      if (this.#net.publish(this, subject, data, reply) > 0) return;
      cancel();
      this.#clock.after(1, () => reject(new NobodyListensError(subject)));
    });
  }

  subscribe(subject: string, heard: (message: BusMessage) => void): Subscription {
    const listener = { bus: this, subject, heard, isOn: true };
    const end = this.#net.listen(listener);
    const stop = () => {
      listener.isOn = false;
      end();
      this.#listening.delete(stop);
    };
    this.#listening.add(stop);
    return { stop };
  }

  onReconnected(back: () => void): void {
    this.#back.push(back);
  }

  /** The relay is cut off from all others; nothing reaches it, and nothing of it reaches them. */
  cut(): void {
    this.isCut = true;
  }

  mend(): void {
    if (!this.isCut || this.#isClosed) return;
    this.isCut = false;
    for (const back of this.#back) back();
  }

  /** What was said before still arrives. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const stop of this.#listening) stop();
  }
}
