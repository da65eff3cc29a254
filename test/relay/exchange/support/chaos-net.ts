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
}

export const NO_FAULTS: Faults = { loss: 0, repeats: 0, maxDelayMs: 3 };

interface Lane {
  /** When the last of them arrives. */
  lastAt: number;
  readonly waiting: (() => void)[];
}

interface Listener {
  readonly bus: ChaosBus;
  readonly subject: string;
  readonly heard: (message: BusMessage) => void;
}

/** A network between relays on which everything that may go wrong does, as a seed decides. */
export class ChaosNet {
  faults: Faults = NO_FAULTS;
  readonly listeners = new Set<Listener>();
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

  /** @returns how many listen */
  publish(from: ChaosBus, subject: string, data: Uint8Array, reply: (data: Uint8Array) => void): number {
    this.published += 1;
    let count = 0;
    for (const listener of this.listeners) {
      if (listener.bus === from || !matches(listener.subject, subject) || !this.#areJoined(from, listener.bus))
        continue;
      count += 1;
      const lane = `${from.name} ${subject} ${listener.bus.name}`;
      this.deliver(lane, () => {
        if (this.listeners.has(listener) && this.#areJoined(from, listener.bus)) {
          listener.heard({ subject, data: Uint8Array.from(data), reply });
        }
      });
    }
    return count;
  }

  #areJoined(from: ChaosBus, to: ChaosBus): boolean {
    return from.isConnected && to.isConnected;
  }

  /** Has something arrive later, never, or twice. @param lane in which nothing overtakes */
  deliver(lane: string, arrive: () => void): void {
    const { loss, repeats, maxDelayMs } = this.faults;
    if (this.#random.chance(loss)) return;
    const times = this.#random.chance(repeats) ? 2 : 1;
    for (let time = 0; time < times; time += 1) {
      const now = this.#clock.monotonicMs();
      const known = this.#lanes.get(lane) ?? { lastAt: 0, waiting: [] };
      this.#lanes.set(lane, known);
      known.lastAt = Math.max(known.lastAt, now + this.#random.small(0, maxDelayMs));
      known.waiting.push(arrive);
      this.#clock.after(known.lastAt - now, () => known.waiting.shift()?.()); // also where timers of one time change places
    }
  }
}

/** One relay's end of it. */
export class ChaosBus implements Bus {
  isConnected = true;
  readonly maxBytes: number;
  readonly name: string;
  readonly #net: ChaosNet;
  readonly #clock: Clock;
  readonly #back: (() => void)[] = [];

  constructor(net: ChaosNet, clock: Clock, name: string, maxBytes: number) {
    this.#net = net;
    this.#clock = clock;
    this.name = name;
    this.maxBytes = maxBytes;
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
          cancel();
          resolve(answer);
        });
      if (this.#net.publish(this, subject, data, reply) > 0) return;
      cancel();
      this.#clock.after(1, () => reject(new NobodyListensError(subject)));
    });
  }

  subscribe(subject: string, heard: (message: BusMessage) => void): Subscription {
    const listener = { bus: this, subject, heard };
    this.#net.listeners.add(listener);
    return { stop: () => this.#net.listeners.delete(listener) };
  }

  onReconnected(back: () => void): void {
    this.#back.push(back);
  }

  /** The relay is cut off from all others; nothing reaches it, and nothing of it reaches them. */
  cut(): void {
    this.isConnected = false;
  }

  mend(): void {
    if (this.isConnected) return;
    this.isConnected = true;
    for (const back of this.#back) back();
  }

  async close(): Promise<void> {
    this.isConnected = false;
    for (const listener of this.#net.listeners) if (listener.bus === this) this.#net.listeners.delete(listener);
  }
}

function matches(wanted: string, subject: string): boolean {
  return wanted.endsWith(".>") ? subject.startsWith(wanted.slice(0, -1)) : wanted === subject;
}
