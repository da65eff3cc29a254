import { cpSync } from "node:fs";
import { bindChat, createToken } from "../../src/relay/index.js";
import { type Cleanup, tempDir } from "../../test/support/temp.js";
import { groupId } from "../relay/messages.js";
import { Part } from "../relay/part.js";
import { progress } from "../support/measure.js";
import type {
  AgentsOptions,
  FromAgents,
  FromRelay,
  FromViewers,
  ToAgents,
  ToRelay,
  ToViewers,
  ViewersOptions,
} from "./messages.js";

/** A relay's process, and one of its viewers: of each workspace there is one. */
export interface Stand {
  url: string;
  relay: Part<ToRelay, FromRelay>;
  viewers: Part<ToViewers, FromViewers>;
}

/** What came of edits, at one relay's viewers. */
export interface Shown {
  /** Milliseconds. */
  latencies: Float64Array;
  /** What its process used of the processors, in milliseconds for each edit. */
  cpuMs: number;
  /** When the last viewer had the last edit, by `clockMs`. */
  at: number;
}

/** The workspaces of a benchmark, in a directory of which each relay gets a copy: all know the same tokens and chats. */
export class Workspaces {
  readonly agentTokens: string[] = [];
  /** Of one workspace more, for a real agent: its chat is {@link spareChat}. */
  spareToken = "";
  readonly spareChat: string;
  viewerToken = "";
  readonly #t: Cleanup;
  readonly #directory: string;

  private constructor(t: Cleanup, count: number) {
    this.#t = t;
    this.spareChat = groupId(count);
    this.#directory = tempDir(t);
  }

  static async make(t: Cleanup, count: number): Promise<Workspaces> {
    const made = new Workspaces(t, count);
    for (let number = 0; number <= count; number += 1) {
      if (number % 100 === 0) progress(`${number} of ${count} workspaces are made`);
      const id = groupId(number);
      made.agentTokens.push(await createToken(made.#directory, { kind: "agent", workspace: id }));
      await bindChat(made.#directory, { chat: id, workspace: id, owner: "bench" });
    }
    made.spareToken = made.agentTokens.pop() ?? "";
    made.viewerToken = await createToken(made.#directory, { kind: "client", user: "bench" });
    return made;
  }

  copy(): string {
    const directory = tempDir(this.#t);
    cpSync(this.#directory, directory, { recursive: true });
    return directory;
  }
}

/** Relays, the agents at the first of them, and viewers at those that are to have some. */
export class Stage {
  readonly stands: Stand[];
  readonly #agents: Part<ToAgents, FromAgents>;
  /** Where the agents are. */
  readonly homeUrl: string;
  readonly #home: Part<ToRelay, FromRelay>;

  private constructor(
    home: { relay: Part<ToRelay, FromRelay>; url: string },
    agents: Part<ToAgents, FromAgents>,
    stands: Stand[],
  ) {
    this.#home = home.relay;
    this.homeUrl = home.url;
    this.#agents = agents;
    this.stands = stands;
  }

  /**
   * @param nats where relays meet; left out: there is one
   * @param others how many more relays there are: the viewers are at those, else at the only one
   * @param bytes of each tree's diff
   */
  static async start(
    t: Cleanup,
    workspaces: Workspaces,
    { nats, others = 0, bytes }: { nats?: string; others?: number; bytes: number },
  ): Promise<Stage> {
    const relays: { relay: Part<ToRelay, FromRelay>; url: string }[] = [];
    for (let number = 0; number <= others; number += 1) {
      const args = [workspaces.copy(), ...(nats === undefined ? [] : [nats])];
      const relay = new Part<ToRelay, FromRelay>("../cluster/relay", args);
      t.teardown(() => relay.stop("SIGTERM"));
      const listening = await relay.answer();
      if (listening.kind !== "listening") throw new Error("the relay does not listen");
      relays.push({ relay, url: listening.url });
    }
    const [home] = relays;
    if (home === undefined) throw new Error("there is one relay at least");
    const tokens = workspaces.agentTokens;
    const ofAgents: AgentsOptions = { url: home.url, tokens, bytes };
    const agents = new Part<ToAgents, FromAgents>("../cluster/agents", [JSON.stringify(ofAgents)]);
    t.teardown(() => agents.stop());
    await agents.ask({ kind: "come" });
    const stands: Stand[] = [];
    for (const { relay, url } of others === 0 ? relays : relays.slice(1)) {
      const ofViewers: ViewersOptions = { url, token: workspaces.viewerToken, count: tokens.length };
      const viewers = new Part<ToViewers, FromViewers>("../cluster/viewers", [JSON.stringify(ofViewers)]);
      t.teardown(() => viewers.stop());
      await viewers.ask({ kind: "come" });
      stands.push({ url, relay, viewers });
    }
    return new Stage(home, agents, stands);
  }

  /** Has agents edit, and waits until all viewers have the last edits. @returns for each relay that has viewers, and for the home */
  async edit(count: number, perSecond: number): Promise<{ shown: Shown[]; homeCpuMs: number }> {
    const before = await this.#cpu();
    const { edits } = await this.#agents.ask({ kind: "edit", count, perSecond });
    const answers = await Promise.all(this.stands.map(({ viewers }) => viewers.ask({ kind: "take", edits })));
    const after = await this.#cpu();
    const each = (at: number) => ((after[at] ?? 0) - (before[at] ?? 0)) / count;
    const shown = answers.map(({ latencies, at }, stand) => ({ latencies, at, cpuMs: each(stand + 1) }));
    return { shown, homeCpuMs: each(0) };
  }

  /** Of the home, and of each relay with viewers. */
  async #cpu(): Promise<number[]> {
    const used: number[] = [];
    for (const relay of [this.#home, ...this.stands.map((stand) => stand.relay)]) {
      const answer = await relay.ask({ kind: "cpu" });
      if (answer.kind !== "cpu") throw new Error("the relay does not tell its time");
      used.push(answer.ms);
    }
    return used;
  }

  /** The same while one relay's loop stands still. @returns as {@link edit}, and when that loop went on */
  async editBeside(
    blocked: Stand,
    { ms, count, perSecond }: { ms: number; count: number; perSecond: number },
  ): Promise<{ shown: Map<Stand, Shown["latencies"]>; rightMs: number }> {
    const editing = this.#agents.ask({ kind: "edit", count, perSecond });
    const wentOn = await blocked.relay.ask({ kind: "block", ms });
    if (wentOn.kind !== "went on") throw new Error("the relay does not say when it went on");
    const { edits } = await editing;
    const shown = new Map<Stand, Shown["latencies"]>();
    let rightMs = Number.NaN;
    for (const stand of this.stands) {
      const { latencies, at } = await stand.viewers.ask({ kind: "take", edits });
      shown.set(stand, latencies);
      if (stand === blocked) rightMs = Math.max(0, at - wentOn.at);
    }
    return { shown, rightMs };
  }
}
