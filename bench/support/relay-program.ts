import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { packagePath } from "../../src/util/index.js";

/** What the relay's unit and its container set: freed buffers go back to the system, and the young are collected often. */
const ENVIRONMENT = { MALLOC_MMAP_THRESHOLD_: "131072", NODE_OPTIONS: "--max-semi-space-size=4" };

/** `relay serve` as it is installed, in a directory of its own, with the limits that it has by default. */
export class RelayProgram {
  readonly dataDir: string;
  readonly #directory: string;
  readonly #options: readonly string[];
  readonly #nodeOptions: readonly string[];
  #child: ChildProcess;
  #url: string;

  private constructor(
    place: { directory: string; dataDir: string },
    options: { options: readonly string[]; nodeOptions: readonly string[] },
    running: { child: ChildProcess; url: string },
  ) {
    this.#directory = place.directory;
    this.dataDir = place.dataDir;
    this.#options = options.options;
    this.#nodeOptions = options.nodeOptions;
    this.#child = running.child;
    this.#url = running.url;
  }

  /** @param options further options of `relay serve` @param nodeOptions of Node.js */
  static async start(options: readonly string[], nodeOptions: readonly string[] = []): Promise<RelayProgram> {
    const directory = mkdtempSync(join(tmpdir(), "treewire-bench-"));
    const dataDir = join(directory, "data");
    const running = await serve(dataDir, "127.0.0.1:0", options, nodeOptions);
    return new RelayProgram({ directory, dataDir }, { options, nodeOptions }, running);
  }

  get url(): string {
    return this.#url;
  }

  /** Whether it runs as it was started. */
  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Its resident memory now, in bytes. */
  get residentBytes(): number {
    return statusBytes(this.#child.pid, "VmRSS");
  }

  /** Asks what was loaded into the process by its Node.js options. */
  async ask<Answer>(question: string): Promise<Answer> {
    const answer = once(this.#child, "message");
    this.#child.send(question);
    const [message]: Answer[] = await answer;
    if (message === undefined) throw new Error("no answer");
    return message;
  }

  /** Ends the process, and starts it again with what it had: its directory, and its port. Resolves when it listens. */
  async restart(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    await this.#end(signal);
    const { host } = new URL(this.#url);
    const { child, url } = await serve(this.dataDir, host, this.#options, this.#nodeOptions);
    this.#child = child;
    this.#url = url;
  }

  async stop(): Promise<void> {
    await this.#end("SIGTERM");
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    if (!this.isAlive) return;
    const gone = once(this.#child, "exit");
    this.#child.kill(signal);
    await gone;
  }
}

async function serve(
  dataDir: string,
  listen: string,
  options: readonly string[],
  nodeOptions: readonly string[],
): Promise<{ child: ChildProcess; url: string }> {
  const program = packagePath("dist/bin/relay.js");
  const args = [program, "serve", "--data-dir", dataDir, "--listen", listen, "--log-level", "error"];
  const child = spawn(process.execPath, [...nodeOptions, ...args, ...options], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
    env: { ...process.env, ...ENVIRONMENT },
  });
  if (child.stdout === null) throw new Error("the relay's output is a pipe");
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const { url }: { url: string } = JSON.parse(line);
  return { child, url };
}

/** A line of `/proc/PID/status` (proc(5)), which counts in KiB. */
function statusBytes(pid: number | undefined, name: string): number {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? Number.NaN) * 1024;
}
