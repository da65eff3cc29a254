import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import type { Orders, ToHostile } from "../hostile/orders.js";

/** It has the least of the machine's time: what is measured is what it does to the relay, not to the machine. */
const PRIORITY = 19;

/** A process of its own that attacks the relay when it is told to. */
export class HostileProcess {
  readonly #child: ChildProcess;
  readonly #orders: Orders;
  #round = 0;

  constructor(program: "agent" | "client", orders: Orders) {
    this.#child = fork(fileURLToPath(new URL(`../hostile/${program}.js`, import.meta.url)));
    if (this.#child.pid !== undefined) setPriority(this.#child.pid, PRIORITY);
    this.#orders = orders;
  }

  /** Attacks while `work` runs; another seed each time. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#round += 1;
    this.#tell({ kind: "begin", orders: { ...this.#orders, seed: this.#orders.seed + this.#round } });
    try {
      return await work();
    } finally {
      const idle = once(this.#child, "message");
      this.#tell({ kind: "end" });
      await idle;
    }
  }

  stop(): void {
    this.#child.kill("SIGKILL");
  }

  #tell(message: ToHostile): void {
    this.#child.send(message);
  }
}
