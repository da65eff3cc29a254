import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A process of its own that answers each message with one, in order. */
export class Part<Order extends object, Answer> {
  readonly #child: ChildProcess;

  /**
   * @param program of this folder, without its ending
   * @param args its command line
   * @param execArgv options of Node.js
   */
  constructor(program: string, args: readonly string[], execArgv: readonly string[] = []) {
    this.#child = fork(fileURLToPath(new URL(`./${program}.js`, import.meta.url)), [...args], {
      execArgv: [...execArgv],
      serialization: "advanced", // thousands of times at once, as one array of numbers
    });
  }

  /** Its next message. @throws when it ends without one */
  async answer(): Promise<Answer> {
    const ended = new AbortController();
    const gone = once(this.#child, "exit", { signal: ended.signal }).then(() => {
      throw new Error("a process of the benchmark has ended");
    });
    gone.catch(() => undefined); // it is no longer asked for
    try {
      const [answer]: Answer[] = await Promise.race([once(this.#child, "message"), gone]);
      if (answer === undefined) throw new Error("no answer");
      return answer;
    } finally {
      ended.abort();
    }
  }

  ask(order: Order): Promise<Answer> {
    this.#child.send(order);
    return this.answer();
  }

  /** Ends it as if its user had gone; resolves when it is gone. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGKILL"): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.kill(signal);
    await gone;
  }
}

/** The other end: answers what it is asked. */
export function serve<Order, Answer>(answer: (order: Order) => Promise<Answer> | Answer): void {
  process.on("message", (order: Order) => {
    Promise.resolve(answer(order)).then(tell, (thrown: unknown) => {
      process.stderr.write(`${thrown}\n`);
      process.exit(1);
    });
  });
  process.on("disconnect", () => process.exit());
}

/** Says something to whoever started the process. */
export function tell<Answer>(answer: Answer): void {
  process.send?.(answer);
}
