import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { type Snapshot, unifiedDiff, watchTrees } from "../../src/client/index.js";
import { bindChat, createToken } from "../../src/relay/index.js";
import { type Program, startProgram } from "../support/program.js";
import type { Random } from "../support/random.js";
import { createRepo, expectedOf } from "../support/repo.js";
import { SmallDisk } from "../support/small-disk.js";
import { ALLOW_TEMP, type Cleanup, tempDir } from "../support/temp.js";
import { until } from "../support/until.js";
import { Administering, Tracking } from "./commands.js";
import { Disk } from "./disk.js";
import { Archiving, edit, editOnce, Uploads } from "./loads.js";
import { ReturningClient } from "./returning-client.js";

/** What dies. `relay twice`: again while it starts. */
export const VICTIMS = ["relay", "agent", "both", "relay twice"] as const;
export type Victim = (typeof VICTIMS)[number];

/** What came of one kill. */
export interface Outcome {
  victim: Victim;
  /** The disk was full from a moment before the kill until everything had been looked at. */
  diskWasFull: boolean;
  /** How long everything had been under load, in milliseconds. */
  afterMs: number;
  /** From when relay and agent had each other again until every client was right, in milliseconds. */
  rightMs: number;
  problems: string[];
}

/** The longest that everything runs before a kill, in milliseconds. */
const MOST_BEFORE_MS = 500;
/** A start of the relay takes about this long, in milliseconds: the second kill falls somewhere into it. */
const START_MS = 700;
/** A state that is not right after this time will not be, in milliseconds. */
const PATIENCE_MS = 20_000;
/** So many of the files of earlier rounds are looked at again after each. */
const OLDER_FILES = 10;
const UPLOADERS = 3;
/** The disk that relay and agent share, in bytes. Where it cannot be mounted, no disk is ever full. */
const DISK_BYTES = 256 * 1024 * 1024;
/** Why no disk can be filled here; `false`: one can. */
export const NO_SMALL_DISK = SmallDisk.refusal;
const UNLIMITED = "1000000000";

const listening = z.object({ url: z.string() });

/** A relay and an agent as processes, under load of every kind, that are killed and started again. */
export class KillStack {
  readonly #t: Cleanup;
  readonly #random: Random;
  readonly #small: SmallDisk | undefined;
  readonly #dataDir: string;
  readonly #stateDir: string;
  readonly #runtimeDir: string;
  readonly #disk: Disk;
  readonly #tokenFile: string;
  readonly #roots: readonly string[];
  readonly #clients: ReturningClient[] = [];
  readonly #ends: (() => void)[] = [];
  readonly #uploads: Uploads[] = [];
  #archiving: Archiving | undefined;
  #administering: Administering | undefined;
  #tracking: Tracking | undefined;
  #snapshot: Snapshot | undefined;
  #relay: Program;
  #agent: Program | undefined;
  #url = "";
  #checked = 0;
  /** What git says of each root. */
  #expected: ReadonlyMap<string, string> = new Map();

  private constructor(t: Cleanup, random: Random) {
    this.#t = t;
    this.#random = random;
    this.#small = NO_SMALL_DISK === false ? SmallDisk.mount(t, DISK_BYTES) : undefined;
    const disk = this.#small?.path ?? tempDir(t);
    this.#dataDir = join(disk, "data");
    this.#stateDir = join(disk, "agent");
    this.#runtimeDir = tempDir(t);
    this.#disk = new Disk(this.#dataDir);
    this.#tokenFile = join(tempDir(t), "token");
    this.#roots = [createRepo(t, { "file-0": "0\n" }).root, createRepo(t, { "file-1": "1\n" }).root];
    this.#relay = this.#startRelay("127.0.0.1:0");
  }

  /** @param t with which everything ends */
  static async start(t: Cleanup, random: Random): Promise<KillStack> {
    const world = new KillStack(t, random);
    t.teardown(() => {
      for (const end of world.#ends) end();
    });
    await world.#relayIsUp();
    await world.#settle();
    return world;
  }

  /** How much of each kind was acknowledged. */
  get acknowledged() {
    return {
      uploads: this.#uploads.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0),
      archives: this.#archiving?.acknowledged ?? 0,
      tokens: this.#administering?.tokens.length ?? 0,
      chats: this.#administering?.chats.length ?? 0,
      tracks: this.#tracking?.chats.length ?? 0,
    };
  }

  /**
   * Kills at a random moment under load, starts again, and looks at everything.
   *
   * @param fillsDisk the disk is filled some time before, and emptied after everything was looked at once
   */
  async round(victim: Victim, fillsDisk = false): Promise<Outcome> {
    const afterMs = this.#random.below(MOST_BEFORE_MS);
    const stop = new AbortController();
    const loads = [
      ...this.#uploads.map((each) => each.run(stop.signal)),
      ...this.#roots.map((root) => edit(root, this.#random, stop.signal)),
      this.#archiving?.run(stop.signal),
      this.#administering?.run(stop.signal),
      this.#tracking?.run(stop.signal),
    ];
    const fullAfterMs = this.#random.below(afterMs + 1);
    await pause(fullAfterMs);
    if (fillsDisk) this.#small?.fill();
    await pause(afterMs - fullAfterMs);
    const dead: Promise<unknown>[] = [];
    if (victim !== "agent") dead.push(this.#relay.stop("SIGKILL"));
    if (victim === "agent" || victim === "both") dead.push(this.#agent?.stop("SIGKILL") ?? Promise.resolve());
    await Promise.all(dead);
    stop.abort();
    await Promise.all(loads);
    for (const root of this.#roots) editOnce(root, this.#random); // nobody saw this
    this.#askGit();
    const agentDied = victim === "agent" || victim === "both";
    const connections = agentDied ? 0 : this.#connections();

    if (victim !== "agent") await this.#restartRelay(victim === "relay twice");
    if (agentDied) this.#startAgent();
    else this.#agent?.child.kill("SIGHUP"); // it need not wait until its next try is due
    await until("relay and agent have each other", () => this.#connections() > connections, {
      deadlineMs: PATIENCE_MS,
      seen: () => [this.#relay.stderr.slice(-500), this.#agent?.stderr.slice(-500)],
    });
    const rightMs = await this.#untilRight();
    const problems = await this.#problems();
    if (fillsDisk) problems.push(...(await this.#heals()));
    return { victim, diskWasFull: fillsDisk && this.#small !== undefined, afterMs, rightMs, problems };
  }

  /** Gives the room back. @returns what is wrong once the relay says that it is well */
  async #heals(): Promise<string[]> {
    this.#small?.empty();
    const isReady = async () => (await fetch(`${this.#url}/readyz`)).status === 200;
    const healed = await until("the relay is ready", isReady, { deadlineMs: PATIENCE_MS }).catch(() => false);
    const problems = healed ? [] : ["the relay has room and is not ready"];
    return [...problems, ...(await this.#problems())];
  }

  /** Looks at every acknowledged upload once more. @returns what is wrong */
  async end(): Promise<string[]> {
    const problems: string[] = [];
    for (const uploads of this.#uploads) {
      for (const id of uploads.acknowledged.keys()) problems.push(...(await uploads.check(id)));
    }
    return problems;
  }

  // ── processes ──

  #startRelay(listen: string): Program {
    const limits = ["requests-per-address", "requests-per-token"].flatMap((name) => [`--${name}`, UNLIMITED]);
    return startProgram(this.#t, "relay", [
      "serve",
      "--data-dir",
      this.#dataDir,
      "--listen",
      listen,
      ...limits,
      "--min-free-bytes",
      "1",
    ]);
  }

  async #relayIsUp(): Promise<void> {
    const line = await this.#relay.line("its first line", (text) => text.startsWith("{"), PATIENCE_MS);
    this.#url = listening.parse(JSON.parse(line)).url;
  }

  async #restartRelay(killedWhileStarting: boolean): Promise<void> {
    const { host } = new URL(this.#url);
    if (killedWhileStarting) {
      const started = this.#startRelay(host);
      await pause(this.#random.below(START_MS));
      await started.stop("SIGKILL");
    }
    this.#relay = this.#startRelay(host);
    const isUp = await this.#relayIsUp().then(
      () => true,
      () => false,
    );
    if (isUp) return;
    // the disk may be too full even for a start: then it ends with a line that says so, and is started again, as by systemd
    const { stderr } = this.#relay;
    if (!/^relay: \S+: the data directory cannot be used \([^\n]*\n$/m.test(stderr))
      throw new Error(`no start: ${stderr}`);
    this.#small?.empty();
    this.#relay = this.#startRelay(host);
    await this.#relayIsUp();
  }

  #startAgent(): void {
    const args = ["--relay", this.#url, "--token-file", this.#tokenFile, "--state-dir", this.#stateDir];
    this.#agent = startProgram(this.#t, "agent", args, { env: { ...ALLOW_TEMP, XDG_RUNTIME_DIR: this.#runtimeDir } });
  }

  /** How often the present agent was welcomed. */
  #connections(): number {
    return (this.#agent?.stderr.match(/"msg":"connected"/g) ?? []).length;
  }

  // ── clients ──

  async #settle(): Promise<void> {
    const [workspace, chat, child, small] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
    const [first = ""] = this.#roots;
    writeFileSync(this.#tokenFile, await createToken(this.#dataDir, { kind: "agent", workspace }));
    const token = await createToken(this.#dataDir, { kind: "client", user: "alice" });
    const watched: string = randomUUID();
    await bindChat(this.#dataDir, { chat: watched, workspace, owner: "alice", paths: this.#roots });
    await bindChat(this.#dataDir, { chat: small, workspace, owner: "alice", paths: [first] });
    await bindChat(this.#dataDir, { chat, workspace, owner: "alice" });
    await bindChat(this.#dataDir, { chat: child, workspace, parent: chat });
    const calls = { url: this.#url, token };
    for (let count = 0; count < UPLOADERS; count += 1) this.#uploads.push(new Uploads(calls, this.#random));
    this.#archiving = new Archiving(calls, chat, child);
    const admin = await createToken(this.#dataDir, { kind: "client", user: "root", admin: true });
    this.#administering = new Administering({ url: this.#url, token: admin }, this.#random);
    this.#tracking = new Tracking(join(this.#runtimeDir, "treewire", "agent.sock"), first);
    this.#startAgent();
    for (const each of [watched, watched, small]) {
      const url = `${this.#url.replace(/^http/, "ws")}/api/v2/chats/${each}/git/watch`;
      this.#clients.push(new ReturningClient(url, token));
    }
    this.#ends.push(...this.#clients.map((client) => () => client.end()));
    void this.#watchDeltas(watched, token);
    this.#askGit();
    await this.#untilRight();
  }

  /** The package's own client; it takes stale states too. */
  async #watchDeltas(chat: string, token: string): Promise<void> {
    const stop = new AbortController();
    this.#ends.push(() => stop.abort());
    const options = { url: this.#url, chat, token, stale: true, signal: stop.signal, random: () => 0 };
    for await (const snapshot of watchTrees(options)) this.#snapshot = snapshot;
  }

  /** While nobody looks: git itself takes the index's lock, and an agent waits for that to go. */
  #askGit(): void {
    this.#expected = new Map(this.#roots.map((root) => [root, expectedOf(root).unified_diff.toString()]));
  }

  /** @returns how long it took, in milliseconds; infinite when it never came */
  async #untilRight(): Promise<number> {
    const start = performance.now();
    const expected = this.#expected;
    const isRight = () =>
      this.#clients.every(({ diffs }) => [...diffs].every(([root, diff]) => diff === expected.get(root))) &&
      this.#clients.every(({ diffs }, at) => diffs.size === (at === 2 ? 1 : 2)) &&
      this.#snapshot?.isStale === false &&
      [...expected].every(([root, diff]) => unifiedDiff(this.#snapshot?.trees.get(root)?.files ?? []) === diff);
    const right = until("every client is right", isRight, { deadlineMs: PATIENCE_MS });
    return right.then(() => Math.round(performance.now() - start)).catch(() => Number.POSITIVE_INFINITY);
  }

  // ── what is wrong ──

  async #problems(): Promise<string[]> {
    const problems = [...this.#disk.check(), ...this.#clients.flatMap(({ nonsense }) => nonsense)];
    problems.push(...((await this.#archiving?.check()) ?? []));
    problems.push(...((await this.#administering?.check()) ?? []));
    problems.push(...((await this.#tracking?.check()) ?? []));
    const files = this.#uploads.flatMap((uploads) => [...uploads.acknowledged.keys()].map((id) => ({ uploads, id })));
    const older = Array.from({ length: Math.min(OLDER_FILES, this.#checked) }, () => this.#random.pick(files));
    for (const { uploads, id } of [...files.slice(this.#checked), ...older]) {
      problems.push(...(await uploads.check(id)));
    }
    this.#checked = files.length;
    return problems;
  }
}
