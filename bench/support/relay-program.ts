import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { packagePath } from "../../src/util/index.js";

/** What the container and the units set: freed buffers go back to the system. */
const ENVIRONMENT = { MALLOC_MMAP_THRESHOLD_: "131072" };

/** `relay serve` as it is installed, in a directory of its own, with the limits that it has by default. */
export class RelayProgram {
  readonly dataDir: string;
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #directory: string;

  private constructor(directory: string, dataDir: string, url: string, child: ChildProcess) {
    this.#directory = directory;
    this.dataDir = dataDir;
    this.url = url;
    this.#child = child;
  }

  /** @param options further options of `relay serve` */
  static async start(options: readonly string[]): Promise<RelayProgram> {
    const directory = mkdtempSync(join(tmpdir(), "treewire-bench-"));
    const dataDir = join(directory, "data");
    const program = packagePath("dist/bin/relay.js");
    const args = [program, "serve", "--data-dir", dataDir, "--listen", "127.0.0.1:0", "--log-level", "error"];
    const child = spawn(process.execPath, [...args, ...options], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, ...ENVIRONMENT },
    });
    const [line] = (await once(createInterface(child.stdout), "line")) as [string];
    const { url }: { url: string } = JSON.parse(line);
    return new RelayProgram(directory, dataDir, url, child);
  }

  /** Whether it runs as it was started. */
  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Its resident memory now, in bytes. */
  get residentBytes(): number {
    return statusBytes(this.#child.pid, "VmRSS");
  }

  async stop(): Promise<void> {
    if (this.isAlive) {
      const gone = once(this.#child, "exit");
      this.#child.kill("SIGTERM");
      await gone;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** A line of `/proc/PID/status` (proc(5)), which counts in KiB. */
function statusBytes(pid: number | undefined, name: string): number {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? Number.NaN) * 1024;
}
