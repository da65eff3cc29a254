import { setTimeout as sleep } from "node:timers/promises";
import { bindChat, createToken } from "../src/relay/index.js";
import type { FromHerd, HerdOptions, Stalls, ToHerd } from "./herd/messages.js";
import { clockMs, groupId } from "./relay/messages.js";
import { Part } from "./relay/part.js";
import { median, milliseconds, progress } from "./support/measure.js";
import type { Goal, Report } from "./support/publish.js";
import { RelayProgram } from "./support/relay-program.js";

const AGENTS = 1_000;
const FRAME_BYTES = 16 * 1024;
/** `BENCH_ROUNDS`: fewer, to try it. */
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
/** The relay has kept by then what it was told before. Milliseconds. */
const KEPT_MS = 7_000;

/** The longest that a loop may stand still. Milliseconds. */
const GOAL_MS = 250;

const CAUSES = {
  SIGKILL: "the relay was killed",
  SIGTERM: "the relay was stopped, and started again",
  edited: "the same, and every tree has changed meanwhile",
  network: "the network was gone, and the relay was not",
} as const;
type Cause = keyof typeof CAUSES;

interface Figures {
  stalls: Stalls[];
  /** Until the last agent was welcome, and until the last viewer had the last state of an agent that is there. Milliseconds. */
  welcomeMs: number[];
  stateMs: number[];
}

/** Everybody comes back at once. */
export async function benchmark(): Promise<Report> {
  const probe = new URL("./herd/loop-probe.js", import.meta.url).href;
  const limits = [
    "--requests-per-address",
    "1000000",
    "--requests-per-token",
    "1000000",
    "--sockets-per-token",
    "100000",
  ];
  const relay = await RelayProgram.start(limits, ["--import", probe]);
  const herd = new Herd(relay, await tokensOf(relay));
  const figures = new Map<Cause, Figures>();
  try {
    await herd.come();
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const cause of Object.keys(CAUSES) as Cause[]) {
        progress(`round ${round + 1} of ${ROUNDS}: ${CAUSES[cause]}`);
        await sleep(KEPT_MS);
        await herd.lose(cause);
        const known = figures.get(cause) ?? { stalls: [], welcomeMs: [], stateMs: [] };
        figures.set(cause, known);
        const { stalls, welcomeMs, stateMs } = await herd.come();
        known.stalls.push(stalls);
        known.welcomeMs.push(welcomeMs);
        known.stateMs.push(stateMs);
      }
    }
    progress("");
    return report(figures);
  } finally {
    await herd.stop();
    await relay.stop();
  }
}

/** The agents' tokens, and behind them one for all viewers. */
async function tokensOf({ dataDir }: RelayProgram): Promise<{ agents: string[]; viewer: string }> {
  const agents: string[] = [];
  for (let number = 0; number < AGENTS; number += 1) {
    if (number % 100 === 0) progress(`${number} of ${AGENTS} workspaces are made`);
    const id = groupId(number);
    agents.push(await createToken(dataDir, { kind: "agent", workspace: id }));
    await bindChat(dataDir, { chat: id, workspace: id, owner: "bench" });
  }
  return { agents, viewer: await createToken(dataDir, { kind: "client", user: "bench" }) };
}

/** All agents, and a viewer for each. */
class Herd {
  readonly #relay: RelayProgram;
  readonly #agents: Part<ToHerd, FromHerd>;
  readonly #viewers: Part<ToHerd, FromHerd>;
  #edit = 1;

  constructor(relay: RelayProgram, tokens: { agents: string[]; viewer: string }) {
    this.#relay = relay;
    const url = relay.url.replace(/^http/, "ws");
    const start = (program: string, of: string[]): Part<ToHerd, FromHerd> => {
      const options: HerdOptions = { url, tokens: of, count: AGENTS, frameBytes: FRAME_BYTES };
      return new Part(`../herd/${program}`, [JSON.stringify(options)]);
    };
    this.#agents = start("agents", tokens.agents);
    this.#viewers = start("viewers", [tokens.viewer]);
  }

  /** Nobody is connected any more, and the relay listens. */
  async lose(cause: Cause): Promise<void> {
    if (cause !== "network") await this.#relay.restart(cause === "SIGKILL" ? "SIGKILL" : "SIGTERM");
    await Promise.all([this.#agents.ask({ kind: "cut" }), this.#viewers.ask({ kind: "cut" })]);
    if (cause === "edited") this.#edit += 1;
  }

  /** Everybody connects in one go; resolves when each has what it came for. */
  async come(): Promise<{ stalls: Stalls; welcomeMs: number; stateMs: number }> {
    await this.#relay.ask("what was before");
    const start = clockMs();
    const order: ToHerd = { kind: "come", edit: this.#edit };
    const [welcome, state] = await Promise.all([this.#agents.ask(order), this.#viewers.ask(order)]);
    const stalls = await this.#relay.ask<Stalls>("since then");
    return { stalls, welcomeMs: welcome.doneAt - start, stateMs: state.doneAt - start };
  }

  async stop(): Promise<void> {
    await Promise.all([this.#agents.stop(), this.#viewers.stop()]);
  }
}

function report(figures: ReadonlyMap<Cause, Figures>): Report {
  const goals: Goal[] = [];
  const rows: string[][] = [];
  for (const [cause, { stalls, welcomeMs, stateMs }] of figures) {
    const own = stalls.map(({ ownMs }) => ownMs);
    const longest = Math.max(...own);
    rows.push([
      CAUSES[cause],
      milliseconds(median(own)),
      milliseconds(longest),
      milliseconds(Math.max(...stalls.map(({ ms }) => ms))),
      milliseconds(median(welcomeMs)),
      milliseconds(median(stateMs)),
    ]);
    goals.push({
      what: `the relay's loop stands still, at most: ${CAUSES[cause]}`,
      goal: `at most ${GOAL_MS} ms`,
      reached: milliseconds(longest),
      met: longest <= GOAL_MS,
    });
  }
  const heads = ["longest stall", "in any round", "by the clock", "all are welcome", "all have their state"];
  return {
    title: "Everybody comes back at once",
    method: `\`relay serve\` with its defaults, rates by address and token aside. ${AGENTS.toLocaleString("en")} agents of a workspace and a tree each, in a process of
their own, and a viewer of each, in another one, lose the relay and are told to come back in the same moment: when it listens again.
Who is turned away tries again after 100 ms, which is more than real ones do: those wait longer each time, and not all
alike. The tree of each has a diff of ${FRAME_BYTES / 1024} KiB; a viewer has its state when an agent that is there has confirmed or sent it. A stall is
how late a timer of the relay's process was, behind which everybody waits, without the time in which the process waited for a
processor: agents and viewers have them as well. By the clock, it is with that time. Medians of ${ROUNDS} rounds.`,
    tables: [{ title: "The relay's loop, and how long it takes", columns: [{ head: "" }, ...heads.map(right)], rows }],
    goals,
  };
}

function right(head: string) {
  return { head, align: "right" } as const;
}
