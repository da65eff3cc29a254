import { type ChildProcessByStdio, spawn } from "node:child_process";
import { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { messageOf, TreewireError } from "../../util/index.js";
import type { BytePath } from "../io/byte-path.js";
import { textOfBytes } from "../io/byte-path.js";
import { type CleanFilter, filterFailed, killGroup } from "./clean-filter.js";
import { PacketReader, packContent, packLines } from "./pkt-line.js";

/** A filter without work is stopped after so long, in milliseconds. */
const IDLE_MS = 5_000;
/** What a filter may answer, in bytes. */
const OUTPUT_MAX_BYTES = 256 * 2 ** 20;

type Lists = (lists: Buffer[][]) => boolean;

/**
 * A filter that is started once and cleans file after file.
 * Protocol: <https://git-scm.com/docs/gitattributes#_long_running_filter_process>.
 */
export class FilterProcess {
  readonly #filter: Extract<CleanFilter, { kind: "process" }>;
  readonly #root: string;
  readonly #timeLimitMs: number;
  #child: ChildProcessByStdio<Writable, Readable, null> | undefined;
  #ready: Promise<boolean> | undefined;
  #waiting: { lists: Buffer[][]; isComplete: Lists; settle: (outcome: Buffer[][] | Error) => void } | undefined;
  #idle: NodeJS.Timeout | undefined;
  /** One file at a time, as the protocol has it. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(filter: Extract<CleanFilter, { kind: "process" }>, options: { root: string; timeLimitMs: number }) {
    this.#filter = filter;
    this.#root = options.root;
    this.#timeLimitMs = options.timeLimitMs;
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
      cwd: this.#root,
      detached: true,
      stdio: ["pipe", "pipe", "ignore"],
    });
    // A filter that waits for files does not keep this program alive; it ends when its input does.
    child.unref();
    for (const stream of [child.stdin, child.stdout]) if (stream instanceof Socket) stream.unref();
    this.#child = child;
    const reader = new PacketReader();
    let received = 0;
    child.stdout.on("data", (piece: Buffer) => {
      received += piece.length;
      const waiting = this.#waiting;
      if (waiting === undefined) return;
      try {
        if (received > OUTPUT_MAX_BYTES) throw new RangeError("prints more than 256 MiB");
        waiting.lists.push(...reader.push(piece));
      } catch (thrown) {
        waiting.settle(new Error(messageOf(thrown), { cause: thrown }));
        return;
      }
      if (waiting.isComplete(waiting.lists)) {
        received = 0;
        waiting.settle(waiting.lists);
      }
    });
    const onEnd = (error?: Error): void => this.#waiting?.settle(error ?? new Error("the program has ended"));
    child.once("error", onEnd);
    child.once("close", () => onEnd());
    child.stdin.on("error", onEnd);
    await this.#ask(packLines(["git-filter-client", "version=2"]), (lists) => lists.length >= 1);
    const lists = await this.#ask(packLines(["capability=clean"]), (lists) => lists.length >= 1);
    return (lists[0] ?? []).some((line) => line.toString().trimEnd() === "capability=clean");
  }

  #ask(request: Buffer, isComplete: Lists): Promise<Buffer[][]> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle(new Error(`not done after ${this.#timeLimitMs} ms`)), this.#timeLimitMs);
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
    const pid = this.#child?.pid;
    if (pid !== undefined && this.#child?.exitCode === null) killGroup(pid);
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
