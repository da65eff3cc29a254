import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bindChat, createToken } from "../../src/relay/commands.js";
import { BadLink } from "./bad-network.js";
import { type Holdings, holdingsOf } from "./holdings.js";
import { type Program, startProgram } from "./program.js";
import { createRepo } from "./repo.js";
import { SmallDisk } from "./small-disk.js";
import { ALLOW_TEMP, type Cleanup, tempDir } from "./temp.js";
import { until } from "./until.js";
import { LibraryViewer, TerminalViewer, type Viewer } from "./viewers.js";
import { WatchClient } from "./watch-client.js";

/**
 * Programs that come back wait for a random part of what they may wait. Here they draw small parts, so that a round takes
 * seconds and not minutes; what they may wait, and for how long a link may be silent, stays as it is in life.
 */
const LUCK = 0.02;
/** A file for its owner alone. */
const OWN = { mode: 0o600 };
/** A relay that has not answered in this time does so no more. Milliseconds. */
const ANSWER_MS = 20_000;
const DISK_BYTES = 32 * 1024 * 1024;
const HOST = "relay.test";
const SECOND_ADDRESS = "127.0.0.2";

/** The built programs with links between them that can fail, and all kinds of viewers of one tree. */
export class FaultyWorld {
  readonly #t: Cleanup;
  readonly #dir: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly relay: Program;
  readonly relayUrl: string;
  readonly repo: ReturnType<typeof createRepo>;
  /** From the agent to the relay. */
  readonly agentLink: BadLink;
  /** The relay's second address, which has the same name: only where {@link hasTwoAddresses}. */
  readonly secondLink: BadLink;
  /** From the terminal client and the library to the relay. */
  readonly viewerLink: BadLink;
  /** Where the agent's log is; `undefined` where nothing can be mounted. */
  readonly disk: SmallDisk | undefined;
  readonly #logFile: string;
  readonly #log: number;
  readonly #watch: { chat: string; token: string };
  #agent: Program | undefined;
  #viewers: Viewer[] = [];
  #terminal: TerminalViewer | undefined;
  #client: WatchClient | undefined;
  /** Ends the library that was started last. */
  #release: (() => unknown)[] = [];

  private constructor(
    t: Cleanup,
    relay: {
      program: Program;
      url: string;
      env: NodeJS.ProcessEnv;
      repo: ReturnType<typeof createRepo>;
      watch: { chat: string; token: string };
      agentToken: string;
    },
    links: { agent: BadLink; second: BadLink; viewers: BadLink },
  ) {
    this.#t = t;
    this.#dir = tempDir(t);
    this.#env = relay.env;
    this.relay = relay.program;
    this.relayUrl = relay.url;
    this.agentLink = links.agent;
    this.secondLink = links.second;
    this.viewerLink = links.viewers;
    this.repo = relay.repo;
    this.#watch = relay.watch;
    writeFileSync(this.tokenFile, `${relay.agentToken}\n`, OWN);
    writeFileSync(this.#clientTokenFile, `${this.#watch.token}\n`, OWN);
    writeFileSync(this.#hosts, `127.0.0.1 localhost ${HOST}\n${SECOND_ADDRESS} ${HOST}\n`);
    this.disk = SmallDisk.refusal === false ? SmallDisk.mount(t, DISK_BYTES) : undefined;
    this.#logFile = join(this.disk?.path ?? this.#dir, "agent.log");
    this.#log = openSync(this.#logFile, "a");
    t.teardown(() => closeSync(this.#log));
  }

  static async start(t: Cleanup): Promise<FaultyWorld> {
    const dir = tempDir(t);
    const luck = join(dir, "luck.mjs");
    writeFileSync(luck, `const { random } = Math; Math.random = () => ${LUCK} * random();\n`);
    const env = { NODE_OPTIONS: `--import=${pathToFileURL(luck)}` };
    const dataDir = join(dir, "data");
    const limits = ["--requests-per-address", "1000000", "--failures-per-address", "1000000"];
    const serve = ["serve", "--data-dir", dataDir, "--listen", "127.0.0.1:0", "--log-level", "debug", ...limits];
    const program = startProgram(t, "relay", serve, { env });
    const { url } = JSON.parse(await program.line("its first line", () => true));
    const port = Number(new URL(url).port);
    const agent = await BadLink.open(t, port);
    const second = await BadLink.open(t, port, { host: SECOND_ADDRESS, port: agent.port });
    const links = { agent, second, viewers: await BadLink.open(t, port) };
    const repo = createRepo(t, { "a.txt": "0\n" });
    const workspace = randomUUID();
    const binding = { chat: randomUUID(), workspace, owner: "alice", paths: [repo.root] };
    const { id: chat } = await bindChat(dataDir, binding);
    const watch = { chat, token: await createToken(dataDir, { kind: "client", user: "alice" }) };
    const agentToken = await createToken(dataDir, { kind: "agent", workspace });
    const world = new FaultyWorld(t, { program, url, env, repo, watch, agentToken }, links);
    await world.startPrograms();
    return world;
  }

  /** Whether the agent knows the relay by a name with two addresses: that takes a file system of its own. */
  static readonly hasTwoAddresses = spawnSync("unshare", ["--mount", "true"]).status === 0;

  get tokenFile(): string {
    return join(this.#dir, "agent.token");
  }

  get #clientTokenFile(): string {
    return join(this.#dir, "client.token");
  }

  get #hosts(): string {
    return join(this.#dir, "hosts");
  }

  get links(): BadLink[] {
    return [this.agentLink, this.secondLink, this.viewerLink];
  }

  get viewers(): readonly Viewer[] {
    return this.#viewers;
  }

  /** What ended that should not have. */
  get ended(): string | undefined {
    if (!this.relay.running) return `the relay: ${this.relay.stderr.slice(-500)}`;
    if (this.#agent?.running !== true) return `the agent: ${this.agentLog.slice(-500)}`;
    const viewer = this.#viewers.find(({ ended }) => ended !== undefined);
    return viewer && `${viewer.name}: ${viewer.ended}`;
  }

  get agentLog(): string {
    return readFileSync(this.#logFile, "utf8");
  }

  get agentLogBytes(): number {
    return statSync(this.#logFile).size;
  }

  /** Starts agent and viewers, the first time or anew. */
  async startPrograms(): Promise<void> {
    for (const release of this.#release.splice(0)) await release();
    if (this.#terminal?.program.running) await this.#terminal.program.stop("SIGKILL");
    if (this.#agent?.running) await this.#agent.stop("SIGKILL");
    this.startAgent();
    this.#client ??= await WatchClient.watch(this.#t, this.relayUrl, this.#watch.chat, this.#watch.token);
    const client = this.#client;
    const viewerUrl = `http://127.0.0.1:${this.viewerLink.port}`;
    const args = ["watch", this.#watch.chat, "--url", viewerUrl, "--token-file", this.#clientTokenFile, "--json"];
    this.#terminal = new TerminalViewer(startProgram(this.#t, "relay", args, { env: this.#env }));
    const cleanup: Cleanup = { teardown: (handler) => void this.#release.push(handler) };
    this.#viewers = [
      {
        name: "client of the git stream",
        diff: (root) => client.repositories.get(root)?.unified_diff,
        get ended() {
          return client.closeCode === undefined ? undefined : `closed with ${client.closeCode}`;
        },
      },
      this.#terminal,
      new LibraryViewer(cleanup, { url: viewerUrl, ...this.#watch, random: () => LUCK * Math.random() }),
    ];
    this.#t.teardown(() => Promise.all(this.#release.splice(0).map((release) => release())));
  }

  startAgent(): void {
    const host = FaultyWorld.hasTwoAddresses ? HOST : "127.0.0.1";
    const url = `http://${host}:${this.agentLink.port}`;
    const args = ["--relay", url, "--token-file", this.tokenFile, "--log-level", "debug"];
    const mount = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', this.#hosts];
    this.#agent = startProgram(this.#t, "agent", args, {
      env: { ...ALLOW_TEMP, ...this.#env },
      stderr: this.#log,
      ...(FaultyWorld.hasTwoAddresses && { through: mount }),
    });
  }

  /** Starts the agent again at a time at which its token is not there yet. @returns puts it there */
  async startAgentBeforeItsToken(): Promise<() => void> {
    const exit = await this.#agent?.stop("SIGTERM");
    if (exit?.status !== 0) throw new Error(`the agent left with ${JSON.stringify(exit)}`);
    const later = `${this.tokenFile}.later`;
    renameSync(this.tokenFile, later);
    const logged = this.agentLogBytes;
    this.startAgent();
    const agent = this.#agent;
    await until("it has looked for it", () => this.agentLogBytes > logged || agent?.running === false);
    return () => renameSync(later, this.tokenFile);
  }

  /** Has the relay log so many requests, two lines for each. @throws when it does not answer */
  async ask(times: number): Promise<void> {
    for (let count = 0; count < times; count += 1) {
      const signal = AbortSignal.timeout(ANSWER_MS);
      await (await fetch(`${this.relayUrl}/nowhere`, { signal })).arrayBuffer();
    }
  }

  /** What each program holds. */
  holdings(): Record<"relay" | "agent" | "relay watch", Holdings> {
    const of = (program: Program | undefined) => holdingsOf(program?.child.pid ?? 0);
    return { relay: of(this.relay), agent: of(this.#agent), "relay watch": of(this.#terminal?.program) };
  }
}
