import type {
  FromAgent,
  FromClients,
  FromServer,
  Memory,
  ServerName,
  ToAgent,
  ToClients,
  ToServer,
} from "./messages.js";
import { Part } from "./part.js";

/** What came of one update. */
export interface Delivered {
  /** From the agent's send to each client's receipt, in milliseconds. */
  latencies: number[];
  /** Until the last client had it. */
  ms: number;
}

/** A server, an agent that gives it what to send, and clients: three processes. */
export class Audience {
  readonly name: ServerName;
  readonly #url: string;
  readonly #token: string;
  readonly #server: Part<ToServer, FromServer>;
  readonly #agent: Part<ToAgent, FromAgent>;
  readonly #clients: Part<ToClients, FromClients>;
  #update = 0;

  private constructor(
    name: ServerName,
    { url, token }: { url: string; token: string },
    parts: {
      server: Part<ToServer, FromServer>;
      agent: Part<ToAgent, FromAgent>;
      clients: Part<ToClients, FromClients>;
    },
  ) {
    this.name = name;
    this.#url = url;
    this.#token = token;
    this.#server = parts.server;
    this.#agent = parts.agent;
    this.#clients = parts.clients;
  }

  /** @param frameBytes how large a frame is, about */
  static async start(name: ServerName, groups: number, frameBytes: number): Promise<Audience> {
    const server = new Part<ToServer, FromServer>("server", [name, String(groups)], ["--expose-gc"]);
    const listening = await server.answer();
    if (listening.kind !== "listening") throw new Error("the server does not listen");
    const { url, agentToken, clientToken: token } = listening;
    const agent = new Part<ToAgent, FromAgent>("agent", [name, url, agentToken, String(frameBytes)]);
    await agent.answer();
    const clients = new Part<ToClients, FromClients>("clients", [name, url, token]);
    return new Audience(name, { url, token }, { server, agent, clients });
  }

  /** Connects so many more clients, dealt over the groups, and waits until each has its first state. */
  async connect(count: number, groups: number): Promise<void> {
    await this.#clients.ask({ kind: "connect", count, groups });
  }

  /** Clients from this one on read no more. */
  async pause(from: number): Promise<void> {
    await this.#clients.ask({ kind: "pause", from });
  }

  /** Sends one update to each group, and waits until the first so many clients have it. */
  async update(groups: number, clients: number): Promise<Delivered> {
    this.#update += 1;
    const reached = this.#clients.ask({ kind: "await", update: this.#update, clients });
    const { startedAt } = await this.#agent.ask({ update: this.#update, groups });
    const { times } = await reached;
    const latencies = Array.from(times, (time) => time - startedAt);
    return { latencies, ms: Math.max(...latencies) };
  }

  /** What the server has used of the processors so far, in milliseconds. */
  async cpuMs(): Promise<number> {
    const answer = await this.#server.ask({ kind: "cpu" });
    if (answer.kind !== "cpu") throw new Error("the server does not tell its time");
    return answer.ms;
  }

  async memory(): Promise<Memory> {
    const answer = await this.#server.ask({ kind: "memory" });
    if (answer.kind !== "memory") throw new Error("the server does not tell its memory");
    return answer.memory;
  }

  /** How often a frame had to wait so far, because its client had not read the one before. Of the relay alone. */
  async waiting(): Promise<number> {
    const response = await fetch(`${this.#url.replace(/^ws/, "http")}/metrics`, {
      headers: { authorization: `Bearer ${this.#token}` }, // an admin's
    });
    const [, count] = /^treewire_drops_total\{reason="slow_client"\} (\d+)/m.exec(await response.text()) ?? [];
    return Number(count ?? 0);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#clients.stop(), this.#agent.stop()]);
    await this.#server.stop("SIGTERM");
  }
}
