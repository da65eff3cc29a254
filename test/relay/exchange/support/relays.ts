import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { bindChat, createToken } from "../../../../src/relay/index.js";
import { freeze } from "../../../support/nats-server.js";
import { type Cleanup, tempDir } from "../../../support/temp.js";
import type { WatchClient } from "../../../support/watch-client.js";
import { FakeAgent, fileOf } from "../../support/fake-agent.js";

const APP = "/home/me/app";
const PROGRAM = fileURLToPath(new URL("./relay-process.js", import.meta.url));

/** A relay that can be killed, and comes back with what it had on disk. */
export class RelayProcess {
  url = "";
  agentToken = "";
  clientToken = "";
  readonly #dataDir: string;
  readonly #servers: readonly string[];
  #process: ChildProcess | undefined;

  /** @param servers of NATS, at which it meets others */
  constructor(t: Cleanup, servers: readonly string[]) {
    this.#servers = servers;
    this.#dataDir = tempDir(t);
    t.teardown(() => this.kill());
  }

  /** Makes tokens and the chat. */
  async prepare(workspace: string, chat: string): Promise<void> {
    this.agentToken = await createToken(this.#dataDir, { kind: "agent", workspace });
    this.clientToken = await createToken(this.#dataDir, { kind: "client", user: "alice" });
    await bindChat(this.#dataDir, { chat, workspace, owner: "alice" });
  }

  async start(): Promise<void> {
    this.#process = spawn(process.execPath, ["--expose-gc", PROGRAM, this.#dataDir, ...this.#servers], {
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    const { stdout } = this.#process;
    if (stdout === null) throw new Error("it is piped");
    const [line] = await once(createInterface(stdout), "line");
    this.url = String(line);
  }

  /** What it holds, in bytes. */
  async heldBytes(): Promise<number> {
    if (this.#process === undefined) throw new Error("it runs");
    const answer = once(this.#process, "message");
    this.#process.send("how much?");
    return Number((await answer)[0]);
  }

  /** Has it do nothing for a while. */
  freeze(ms: number): Promise<void> {
    return freeze(this.#process, ms);
  }

  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    running.kill("SIGKILL");
    await once(running, "exit");
  }
}

/** An agent that goes to another relay when it is lost, and the file that it shows. */
export class WanderingAgent {
  /** How often the file was written. */
  written = 0;
  /** Where it is connected. */
  home: RelayProcess | undefined;
  #agent: FakeAgent | undefined;
  readonly #epoch = `epoch-${randomUUID()}`;
  #seq = 0;
  readonly #t: Cleanup;

  constructor(t: Cleanup) {
    this.#t = t;
  }

  async connect(relay: RelayProcess): Promise<void> {
    const agent = await FakeAgent.connect(this.#t, relay.url, relay.agentToken, { rootsOf: () => [APP] });
    agent.onClose = () => {
      if (this.#agent === agent) this.home = undefined;
    };
    this.#agent = agent;
    this.home = relay;
    this.#tell();
  }

  write(): void {
    this.written += 1;
    if (this.home !== undefined) this.#tell();
  }

  leave(): void {
    this.#agent?.vanish();
  }

  #tell(): void {
    this.#agent?.trees.set(APP, { files: [], epoch: this.#epoch, seq: this.#seq });
    this.#agent?.tell(APP, [fileOf("file", String(this.written))]);
    this.#seq += 1;
  }
}

/** What a client was shown last: how often the file had been written. */
export function shownBy(client: WatchClient): number {
  return Number(/^\+(\d+)$/m.exec(client.repositories.get(APP)?.unified_diff ?? "")?.[1] ?? Number.NaN);
}
