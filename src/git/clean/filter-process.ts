import { type ChildProcessByStdio, spawn } from "node:child_process";
import { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { messageOf, TreewireError, timerDelay } from "../../util/index.js";
import type { BytePath } from "../io/byte-path.js";
import { textOfBytes } from "../io/byte-path.js";
import { type CleanFilter, filterFailed } from "./clean-filter.js";
import type { RunOptions } from "./filter-command.js";
import { abandon, tooMuchOutput } from "./filter-limits.js";
import { PACKET_COSTS_BYTES, PacketReader, packContent, packLines } from "./pkt-line.js";

/** A filter without work is stopped after so long, in milliseconds. */
const IDLE_MS = 5_000;

type Lists = (lists: Buffer[][]) => boolean;

/**
 * A filter that is started once and cleans file after file.
 * Protocol: <https://git-scm.com/docs/gitattributes#_long_running_filter_process>.
 */
export class FilterProcess {
  readonly #filter: Extract<CleanFilter, { kind: "process" }>;
  readonly #options: RunOptions;
  #child: ChildProcessByStdio<Writable, Readable, null> | undefined;
  #ready: Promise<boolean> | undefined;
  #waiting: { lists: Buffer[][]; isComplete: Lists; settle: (outcome: Buffer[][] | Error) => void } | undefined;
  #idle: NodeJS.Timeout | undefined;
  /** When the file that is cleaned must be done, by `performance.now()`. */
  #deadline = 0;
  /** One file at a time, as the protocol has it. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(filter: Extract<CleanFilter, { kind: "process" }>, options: RunOptions) {
    this.#filter = filter;
    this.#options = options;
  }

  /**
   * @returns the output, or `undefined` when the filter declines and is not required
   * @throws TreewireError `TW_FILTER_FAILED` when it took too long, broke the protocol or ended (where git gives up,
   *   too), or declined and is required
   */
  clean(path: BytePath, content: Buffer): Promise<Buffer | undefined> {
    const result = this.#turn.then(() => this.#clean(path, content));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #clean(path: BytePath, content: Buffer): Promise<Buffer | undefined> {
    clearTimeout(this.#idle);
    this.#deadline = performance.now() + this.#options.limits.timeMs;
    try {
      this.#ready ??= this.#start();
      if (!(await this.#ready)) return this.#decline(path, "it can't clean");
      const request = [packLines(["command=clean", `pathname=${textOfBytes(path)}`]), packContent(content)];
      const lists = await this.#ask(Buffer.concat(request), isAnswered);
      if (statusOf(lists[0]) !== "success") return this.#decline(path, `status ${statusOf(lists[0])}`);
      // The filter may take its status back after the content.
      const last = statusOf(lists[2]) ?? "success";
      return last === "success" ? Buffer.concat(lists[1] ?? []) : this.#decline(path, `status ${last}`);
    } catch (thrown) {
      if (thrown instanceof TreewireError) throw thrown;
      this.#stop();
      throw filterFailed(path, this.#filter.name, messageOf(thrown), thrown);
    } finally {
      this.#idle = setTimeout(() => this.#stop(), IDLE_MS).unref();
    }
  }

  #decline(path: BytePath, detail: string): undefined {
    if (this.#filter.required) throw filterFailed(path, this.#filter.name, detail);
    return undefined;
  }

  /** @returns whether the program can clean */
  async #start(): Promise<boolean> {
    const child = spawn("/bin/sh", ["-c", this.#filter.command], {
      cwd: this.#options.root,
      detached: true,
      stdio: ["pipe", "pipe", "ignore"],
    });
    this.#child = child;
    // What is heard of one that was abandoned is not about the file that the next one cleans.
    const onEnd = (error?: Error): void => {
      if (this.#child === child) this.#waiting?.settle(error ?? new Error("the program has ended"));
    };
    child.once("error", onEnd);
    child.once("close", () => onEnd());
    // There are no pipes when the process table or that of open files is full.
    if (child.pid === undefined) throw new Error("the program can't be started");
    child.stdin.on("error", onEnd);
    // A filter that waits for files does not keep this program alive; it ends when its input does.
    child.unref();
    for (const stream of [child.stdin, child.stdout]) if (stream instanceof Socket) stream.unref();
    const { limits } = this.#options;
    const reader = new PacketReader();
    let received = 0;
    child.stdout.on("data", (piece: Buffer) => {
      const waiting = this.#waiting;
      if (waiting === undefined) return;
      const packetsBefore = reader.packets;
      try {
        waiting.lists.push(...reader.push(piece));
        received += piece.length + (reader.packets - packetsBefore) * PACKET_COSTS_BYTES;
        if (received > limits.outputBytes) throw new RangeError(tooMuchOutput(limits));
      } catch (thrown) {
        waiting.settle(new Error(messageOf(thrown), { cause: thrown }));
        return;
      }
      if (waiting.isComplete(waiting.lists)) {
        received = 0;
        waiting.settle(waiting.lists);
      }
    });
    await this.#ask(packLines(["git-filter-client", "version=2"]), (lists) => lists.length >= 1);
    const lists = await this.#ask(packLines(["capability=clean"]), (lists) => lists.length >= 1);
    return (lists[0] ?? []).some((line) => line.toString().trimEnd() === "capability=clean");
  }

  #ask(request: Buffer, isComplete: Lists): Promise<Buffer[][]> {
    return new Promise((resolve, reject) => {
      const late = `not done after ${this.#options.limits.timeMs} ms`;
      const timer = setTimeout(() => settle(new Error(late)), timerDelay(this.#deadline - performance.now()));
      const settle = (outcome: Buffer[][] | Error): void => {
        clearTimeout(timer);
        this.#waiting = undefined;
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      this.#waiting = { lists: [], isComplete, settle };
      this.#child?.stdin.write(request);
    });
  }

  #stop(): void {
    if (this.#child !== undefined) abandon(this.#child);
    this.#child = undefined;
    this.#ready = undefined;
  }
}

/** Status, content, status again; a filter that declines sends the first only. */
function isAnswered(lists: Buffer[][]): boolean {
  return lists.length >= (statusOf(lists[0]) === "success" ? 3 : 1);
}

function statusOf(list: Buffer[] | undefined): string | undefined {
  for (const line of list ?? []) {
    const status = /^status=(.*?)\n?$/.exec(line.toString())?.[1];
    if (status !== undefined) return status;
  }
  return undefined;
}
