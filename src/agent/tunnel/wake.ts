import { networkInterfaces } from "node:os";

/** What {@link WakeWatch} looks at; clocks in milliseconds. */
export interface WakeSources {
  /** Goes on while the machine sleeps. */
  wallMs(): number;
  /** Stands still while the machine sleeps, as Linux's monotonic clock does. */
  monotonicMs(): number;
  /** The addresses at which this machine can be reached from outside it. */
  addresses(): string;
}

/** How often to look, in milliseconds. */
export const WAKE_INTERVAL_MS = 2_000;
/** A gap of so much more than that is a sleep: of the machine, or of this process alone. Milliseconds. */
const SLEEP_MS = 10_000;

const SYSTEM: WakeSources = {
  wallMs: Date.now,
  monotonicMs: () => performance.now(),
  addresses: () => {
    try {
      const interfaces = Object.values(networkInterfaces()).flat();
      return interfaces.flatMap((one) => (one === undefined || one.internal ? [] : one.cidr)).join(" ");
    } catch {
      return ""; // a sandbox without netlink sockets: then sleep alone is noticed
    }
  },
};

/**
 * Notices that a connection may be dead, or that a failed one may succeed now: the machine has slept, or its network is
 * another one than before. Told by clocks and addresses, as Node.js has no event for either.
 */
export class WakeWatch {
  readonly #sources: WakeSources;
  #wallMs: number;
  #monotonicMs: number;
  #addresses: string;

  constructor(sources: WakeSources = SYSTEM) {
    this.#sources = sources;
    this.#wallMs = sources.wallMs();
    this.#monotonicMs = sources.monotonicMs();
    this.#addresses = sources.addresses();
  }

  /** Call this every {@link WAKE_INTERVAL_MS}. @returns what has happened since the last call, in words */
  look(): string | undefined {
    const wall = this.#sources.wallMs();
    const monotonic = this.#sources.monotonicMs();
    const addresses = this.#sources.addresses();
    const gap = Math.max(wall - this.#wallMs, monotonic - this.#monotonicMs) - WAKE_INTERVAL_MS;
    const moved = addresses !== this.#addresses;
    this.#wallMs = wall;
    this.#monotonicMs = monotonic;
    this.#addresses = addresses;
    if (gap > SLEEP_MS) return "woke up";
    // a network that went away is noticed by its silence; one that came is worth a try
    return moved && addresses !== "" ? "the network has changed" : undefined;
  }
}
