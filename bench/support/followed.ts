import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Told, Usage } from "./followed-program.js";

const unit = fileURLToPath(new URL("../../../systemd/treewire-agent.service", import.meta.url));
const program = fileURLToPath(new URL("./followed-program.js", import.meta.url));

type State = Extract<Told, { type: "state" }>;

/** What the agent's unit sets in its environment, and its start-up scripts do, too. */
export function unitEnvironment(): NodeJS.ProcessEnv {
  const lines = readFileSync(unit, "utf8").matchAll(/^Environment=(\w+)=(.*)$/gm);
  return Object.fromEntries(Array.from(lines, ([, name = "", value = ""]) => [name, value]));
}

/**
 * How long a process rests before it counts as idle, in milliseconds: by then the looks at what was young are over, and the
 * collector has taken what the last change left behind.
 */
export const SETTLE_MS = 60_000;
/** Longer than a program runs until it keeps what it was compiled to, in milliseconds. */
const KEPT_MS = 6000;
/** Longer than what a look behind a refresh waits for and takes, in milliseconds. */
const LOOK_REST_MS = 5000;

const rest = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A process of its own that follows working trees. */
export class FollowedProcess {
  readonly #child: ChildProcess;
  #waiting: { wanted: (told: Told) => boolean; resolve: (told: Told) => void }[] = [];

  /** @param roots of one or several @param more of its environment */
  constructor(roots: string | readonly string[], more: NodeJS.ProcessEnv = {}) {
    const env = { ...process.env, ...unitEnvironment(), ...more };
    this.#child = fork(program, [roots].flat(), { env, stdio: ["ignore", "ignore", "inherit", "ipc"] });
    this.#child.on("message", (told: Told) => {
      const answered = this.#waiting.filter(({ wanted }) => wanted(told));
      this.#waiting = this.#waiting.filter((each) => !answered.includes(each));
      for (const { resolve } of answered) resolve(told);
    });
  }

  /** Runs for as long as it takes until the thread's compiled code is kept: an agent compiles at its first start alone. */
  static async compile(root: string): Promise<void> {
    const compiling = new FollowedProcess(root);
    await compiling.state();
    await rest(KEPT_MS);
    await compiling.close();
  }

  /** The next state that is wanted. */
  state(wanted: (state: State) => boolean = () => true): Promise<State> {
    return new Promise((resolve) => {
      this.#waiting.push({
        wanted: (told) => told.type === "state" && wanted(told),
        resolve: (told) => resolve(told as State),
      });
    });
  }

  async usage(): Promise<Usage> {
    const told = await this.#ask("usage");
    if (told.type !== "usage") throw new Error("not the answer to the question");
    return told.usage;
  }

  /** How many inotify watches the process holds; asking costs it time. */
  async watches(): Promise<number> {
    const told = await this.#ask("watches");
    if (told.type !== "watches") throw new Error("not the answer to the question");
    return told.count;
  }

  /** Ends the measuring of the event loop's delay. */
  still(): void {
    this.#child.send("still");
  }

  /** @returns milliseconds from the question to the answer, in the process */
  async refresh(): Promise<number> {
    const told = await this.#ask("refresh");
    if (told.type !== "refreshed") throw new Error("not the answer to the question");
    return told.ms;
  }

  /** CPU of a look at everything, in milliseconds: of the one behind a refresh. */
  static async lookCpuMs(roots: string | readonly string[], more: NodeJS.ProcessEnv = {}): Promise<number> {
    const looking = new FollowedProcess(roots, { ...more, TREEWIRE_BENCH_LOOKS: "1" });
    await looking.state();
    looking.still();
    await rest(LOOK_REST_MS);
    const before = await looking.usage();
    await looking.refresh();
    await rest(LOOK_REST_MS);
    const after = await looking.usage();
    await looking.close();
    return after.cpuMs - before.cpuMs;
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill();
    await ended;
  }

  #ask(question: "usage" | "watches" | "refresh"): Promise<Told> {
    const type = question === "refresh" ? "refreshed" : question;
    return new Promise((resolve) => {
      this.#waiting.push({ wanted: (told) => told.type === type, resolve });
      this.#child.send(question);
    });
  }
}
