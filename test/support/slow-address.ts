import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import type { Cleanup } from "./temp.js";
import { until } from "./until.js";

/** Hands every connection on to a port on 127.0.0.1. */
const LISTENER = `
  const { connect, createServer } = require("node:net");
  const [address, port, target] = process.argv.slice(1);
  createServer((near) => {
    const far = connect(Number(target), "127.0.0.1");
    for (const [one, other] of [[near, far], [far, near]]) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
    near.pipe(far).pipe(near);
  }).listen({ host: address, port: Number(port), backlog: 1 }, () => console.log("listening"));
`;
/** Connections that a listener with a backlog of 1 takes while it accepts none. */
const BACKLOG = 2;

/**
 * An address of this machine at which connections are neither taken nor refused, as behind a firewall or a long way: its
 * listener is stopped and its backlog full, so that the kernel drops every SYN. Linux alone.
 */
export class SlowAddress {
  readonly address: string;
  readonly #port: number;
  readonly #listener: ChildProcess;

  private constructor(address: string, port: number, listener: ChildProcess) {
    this.address = address;
    this.#port = port;
    this.#listener = listener;
  }

  /** @param target the port on 127.0.0.1 to which connections lead once it answers */
  static async open(t: Cleanup, address: string, port: number, target: number): Promise<SlowAddress> {
    const args = ["-e", LISTENER, address, String(port), String(target)];
    const listener = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    t.teardown(() => void listener.kill("SIGKILL"));
    await once(listener.stdout ?? listener, "data");
    listener.kill("SIGSTOP");
    await until("it is stopped", () => / T /.test(readFileSync(`/proc/${listener.pid}/stat`, "utf8")));
    for (let filled = 0; filled < BACKLOG; filled += 1) {
      const filler = connect(port, address).on("error", () => {});
      t.teardown(() => void filler.destroy());
      await once(filler, "connect");
    }
    return new SlowAddress(address, port, listener);
  }

  /** Answers from now on; a connection that was begun is made with the kernel's next SYN. */
  answer(): void {
    this.#listener.kill("SIGCONT");
  }

  /** How many connections to it wait for an answer. */
  get asked(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.address.split(".").map(Number);
    const remote = `${[d, c, b, a].map(hex).join("")}:${hex(this.#port >> 8)}${hex(this.#port & 0xff)}`;
    const SYN_SENT = "02";
    return readFileSync("/proc/net/tcp", "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , to, state]) => to === remote && state === SYN_SENT).length;
  }
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, "0");
}
