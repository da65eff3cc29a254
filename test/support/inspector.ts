import { once } from "node:events";
import { WebSocket } from "ws";
import { z } from "zod";
import type { Program } from "./program.js";
import type { Cleanup } from "./temp.js";
import { until } from "./until.js";

const messageSchema = z.object({
  id: z.int().optional(),
  method: z.string().optional(),
  params: z.object({ sessionId: z.string().optional() }).optional(),
});

/**
 * A debugger on a program that was started with `NODE_OPTIONS=--inspect=127.0.0.1:0`: what it does there is as real as it
 * gets. The protocol's domains are described at <https://chromedevtools.github.io/devtools-protocol/>, `NodeWorker` in
 * Node.js's `src/inspector/node_protocol.pdl`.
 */
export class Inspector {
  readonly #socket: WebSocket;
  readonly #answered = new Set<number>();
  #worker: string | undefined;
  #count = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => {
      const { id, method, params } = messageSchema.parse(JSON.parse(String(data)));
      if (id !== undefined) this.#answered.add(id);
      if (method === "NodeWorker.attachedToWorker") this.#worker = params?.sessionId;
    });
  }

  static async attach(t: Cleanup, program: Program): Promise<Inspector> {
    const url = await until("the debugger listens", () => /ws:\/\/\S+(?=\n)/.exec(program.stderr)?.[0]);
    const socket = new WebSocket(url);
    t.teardown(() => socket.terminate());
    await once(socket, "open");
    return new Inspector(socket);
  }

  /** Blocks the program's one worker thread, for good. */
  async blockWorker(): Promise<void> {
    await this.#ask("NodeWorker.enable", { waitForDebuggerOnStart: false });
    const sessionId = await until("the worker is found", () => this.#worker);
    const expression = "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)";
    const message = JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression } });
    await this.#ask("NodeWorker.sendMessageToWorker", { sessionId, message });
  }

  /** Settles when the loop of the program's main thread has turned for so long. @param ms milliseconds */
  async turn(ms: number): Promise<void> {
    const expression = `new Promise((resolve) => setTimeout(resolve, ${ms}))`;
    await this.#ask("Runtime.evaluate", { expression, awaitPromise: true });
  }

  /** Writes what lives on the heap of the program's main thread to a file, long texts whole. @param path a new one */
  async writeHeap(path: string): Promise<void> {
    const expression = `(() => {
      const { setFlagsFromString, writeHeapSnapshot } = process.getBuiltinModule("node:v8");
      setFlagsFromString("--heap-snapshot-string-limit=${2 ** 30}");
      writeHeapSnapshot(${JSON.stringify(path)});
    })()`;
    await this.#ask("Runtime.evaluate", { expression });
  }

  /** Lets go of the program, which would not end before. */
  async detach(): Promise<void> {
    const closed = once(this.#socket, "close");
    this.#socket.close();
    await closed;
  }

  async #ask(method: string, params: object): Promise<void> {
    this.#count += 1;
    const id = this.#count;
    this.#socket.send(JSON.stringify({ id, method, params }));
    await until(`an answer to ${method}`, () => this.#answered.has(id));
  }
}
