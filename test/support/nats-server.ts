import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import type { Cleanup } from "./temp.js";

/** `TREEWIRE_TEST_NATS_SERVER` says where the server is; without it, it is looked for in `PATH`. */
const program =
  process.env.TREEWIRE_TEST_NATS_SERVER ??
  (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "nats-server"))
    .find((path) => existsSync(path));

/** Path of the server. */
export const natsServerProgram = program ?? "nats-server";

/** Why no NATS server can be started here; `false` when one can. */
export const withoutNats: string | false =
  program === undefined
    ? "nats-server is neither in PATH nor named by TREEWIRE_TEST_NATS_SERVER"
    : !existsSync(program) && `${program}, which TREEWIRE_TEST_NATS_SERVER names, is not there`;

/** Those that run: they end with the test, also when it has run out of time. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const server of running) server.kill("SIGKILL");
});

/** A real NATS server. */
export class NatsServer {
  readonly url: string;
  readonly #more: readonly string[];
  #process: ChildProcess;

  private constructor(process: ChildProcess, url: string, more: readonly string[]) {
    this.#process = process;
    this.url = url;
    this.#more = more;
  }

  /**
   * @param directory where JetStream keeps what it stores; left out: there is no JetStream
   * @param maxBytes of what it may store
   */
  static async start(t: Cleanup, directory?: string, maxBytes?: number): Promise<NatsServer> {
    const more = directory === undefined ? [] : ["-js", "-sd", directory];
    if (directory !== undefined && maxBytes !== undefined) {
      const config = join(directory, "nats.conf");
      writeFileSync(config, `jetstream { max_file_store: ${maxBytes} }\n`);
      more.push("-c", config);
    }
    const { process, port } = await run(-1, more);
    const server = new NatsServer(process, `nats://127.0.0.1:${port}`, more);
    t.teardown(() => server.kill());
    return server;
  }

  /** Ends it without a word. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill("SIGKILL");
    await once(this.#process, "exit");
  }

  /** Has it do nothing for a while. */
  freeze(ms: number): Promise<void> {
    return freeze(this.#process, ms);
  }

  /** @param more options of the program, besides where it listens */
  static async startWith(t: Cleanup, more: readonly string[]): Promise<NatsServer> {
    const { process, port } = await run(-1, more);
    const server = new NatsServer(process, `nats://127.0.0.1:${port}`, more);
    t.teardown(() => server.kill());
    return server;
  }

  /** Has it do nothing until a job is done. */
  async frozenWhile<T>(job: () => Promise<T>): Promise<T> {
    this.#process.kill("SIGSTOP");
    try {
      return await job();
    } finally {
      this.#process.kill("SIGCONT");
    }
  }

  /** Starts it again, at the same port. */
  async restart(): Promise<void> {
    await this.kill();
    this.#process = (await run(Number(new URL(this.url).port), this.#more)).process;
  }
}

/** Stops a process, and lets it go on after so many milliseconds. */
export async function freeze(stopped: ChildProcess | undefined, ms: number): Promise<void> {
  stopped?.kill("SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, ms));
  stopped?.kill("SIGCONT");
}

/** @param port -1 picks one */
async function run(port: number, more: readonly string[]): Promise<{ process: ChildProcess; port: number }> {
  const server = spawn(natsServerProgram, ["-a", "127.0.0.1", "-p", String(port), ...more], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  running.add(server);
  server.once("exit", () => running.delete(server));
  const lines: string[] = [];
  for await (const line of createInterface(server.stderr)) {
    lines.push(line);
    const listening = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(line);
    if (listening === null) continue;
    server.stderr.resume();
    return { process: server, port: Number(listening[1]) };
  }
  throw new Error(`nats-server does not start: ${lines.join("\n")}`);
}
