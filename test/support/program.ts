import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { systemCode } from "../../src/util/errors.js";
import { GIT_ENV } from "./repo.js";
import { type Cleanup, tempDir } from "./temp.js";
import { until } from "./until.js";

/** How a program ended: its status, or the signal that ended it. */
export interface Exit {
  status: number | null;
  signal: NodeJS.Signals | null;
}

/** A program of this project that runs as a process. */
export class Program {
  readonly child: ChildProcess;
  readonly #name: string;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];
  #exit: Exit | undefined;

  constructor(name: string, child: ChildProcess) {
    this.#name = name;
    this.child = child;
    child.stdout?.on("data", (chunk: Buffer) => this.#stdout.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => this.#stderr.push(chunk));
    child.on("close", (status, signal) => {
      this.#exit = { status, signal };
    });
  }

  /** The bytes of standard output so far. */
  get output(): Buffer {
    return Buffer.concat(this.#stdout);
  }

  get stdout(): string {
    return this.output.toString();
  }

  get stderr(): string {
    return Buffer.concat(this.#stderr).toString();
  }

  get running(): boolean {
    return this.#exit === undefined;
  }

  /** The first whole line of standard output that `match` takes. @throws when the program ends without it, or is late */
  line(what: string, match: (line: string) => boolean, deadlineMs = 60_000): Promise<string> {
    return until(
      `${this.#name}: ${what}`,
      () => {
        const found = this.stdout.split("\n").slice(0, -1).find(match);
        if (found === undefined && !this.running) throw new Error(`${this.#name} ended before ${what}: ${this.stderr}`);
        return found;
      },
      { deadlineMs, seen: () => ({ stdout: this.stdout, stderr: this.stderr }) },
    );
  }

  /** Waits for the end. @throws after `deadlineMs` */
  exit(deadlineMs = 60_000): Promise<Exit> {
    return until(`${this.#name} ends`, () => this.#exit, { deadlineMs, seen: () => this.stderr.slice(-2000) });
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Exit> {
    this.child.kill(signal);
    return this.exit();
  }
}

/** Path of a compiled program, as a package names it. */
export function programPath(name: "agent" | "relay" | "treewire"): string {
  return fileURLToPath(new URL(`../../bin/${name}.${name === "relay" ? "js" : "cjs"}`, import.meta.url));
}

/**
 * Starts a compiled program. Whatever happens, it has ended when the test has, and the programs that it starts, too.
 *
 * @param options `cwd`; `env`: added to an environment without anybody's configuration, and with directories of its own for
 *   what it keeps; `program`: where it is, when not in this project; `stdout` and `stderr`: descriptors that take the place
 *   of what is read here; `through`: a command that ends by becoming the program that is given as its last arguments
 */
export function startProgram(
  t: Cleanup,
  name: "agent" | "relay" | "treewire",
  args: readonly string[],
  options: {
    cwd?: string;
    env?: NodeJS.ProcessEnv;
    program?: string;
    stdout?: number;
    stderr?: number;
    through?: readonly string[];
  } = {},
): Program {
  const own = tempDir(t);
  const [command = process.execPath, ...rest] = [...(options.through ?? []), process.execPath];
  const child = spawn(command, [...rest, options.program ?? programPath(name), ...args], {
    cwd: options.cwd,
    env: {
      ...withoutSettings(GIT_ENV),
      XDG_CONFIG_HOME: own,
      XDG_RUNTIME_DIR: own,
      XDG_STATE_HOME: own,
      ...options.env,
    },
    stdio: ["ignore", options.stdout ?? "pipe", options.stderr ?? "pipe"],
    detached: name === "treewire", // then it leads a process group, in which the programs that it starts are
  });
  const program = new Program(`${name} ${args.join(" ")}`, child);
  t.teardown(async () => {
    if (name === "treewire") killGroup(child.pid);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  });
  return program;
}

/** Ends what is left of a process group. @param leader the process id of the one that led it */
function killGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, "SIGKILL");
  } catch (error) {
    if (systemCode(error) !== "ESRCH") throw error; // nobody is left
  }
}

/** Runs a compiled program to its end. */
export async function runProgram(
  t: Cleanup,
  name: "agent" | "relay" | "treewire",
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; program?: string } = {},
): Promise<{ status: number | null; stdout: string; stderr: string; output: Buffer }> {
  const program = startProgram(t, name, args, options);
  const { status } = await program.exit(60_000);
  return { status, stdout: program.stdout, stderr: program.stderr, output: program.output };
}

/** An environment in which nobody has set anything for these programs. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(TREEWIRE_|NOTIFY_SOCKET$|WATCHDOG_)/.test(name)),
  );
}
