import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { askAgent } from "../../src/agent/control/control-client.js";
import type { Random } from "../support/random.js";
import type { Calls } from "./loads.js";

/** Of what was acknowledged in earlier rounds, so much is looked at again after each. */
const OLDER = 10;

/** Makes tokens and chats over the admin API, and remembers those that were acknowledged. */
export class Administering {
  /** Texts of tokens. */
  readonly tokens: string[] = [];
  /** Ids of chats. */
  readonly chats: string[] = [];
  readonly #calls: Calls;
  readonly #random: Random;
  #checked = 0;

  /** @param calls in an admin's name */
  constructor(calls: Calls, random: Random) {
    this.#calls = calls;
    this.#random = random;
  }

  /** Goes on until told otherwise; what was broken off is nobody's fault. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#one().catch(() => undefined);
      await pause(this.#random.below(20));
    }
  }

  async #one(): Promise<void> {
    if (this.#random.chance(0.5)) {
      const response = await this.#call("POST", "/admin/tokens", { kind: "client", user: "bob" });
      if (response.status === 201) this.tokens.push(z.object({ token: z.string() }).parse(await response.json()).token);
      return;
    }
    const chat = randomUUID();
    const response = await this.#call("PUT", `/admin/chats/${chat}/binding`, { workspace: randomUUID(), owner: "bob" });
    await response.arrayBuffer();
    if (response.status === 200) this.chats.push(chat);
  }

  /** @returns which of the acknowledged tokens and chats the relay no longer knows */
  async check(): Promise<string[]> {
    const problems: string[] = [];
    const response = await this.#call("GET", "/admin/chats?owner=bob");
    const known = new Set(
      z
        .array(z.object({ id: z.string() }))
        .parse(await response.json())
        .map(({ id }) => id),
    );
    for (const chat of this.chats) if (!known.has(chat)) problems.push(`acknowledged chat ${chat} is gone`);
    const older = Array.from({ length: Math.min(OLDER, this.#checked) }, () => this.#random.pick(this.tokens));
    for (const token of [...this.tokens.slice(this.#checked), ...older]) {
      const { status } = await fetch(`${this.#calls.url}/chats/${randomUUID()}`, {
        headers: { "Coder-Session-Token": token },
      });
      if (status !== 404) problems.push(`acknowledged token ${token.slice(0, 20)}: status ${status}`);
    }
    this.#checked = this.tokens.length;
    return problems;
  }

  #call(method: string, path: string, body?: unknown): Promise<Response> {
    const { url, token } = this.#calls;
    const type = body === undefined ? {} : { "Content-Type": "application/json" };
    return fetch(url + path, {
      method,
      headers: { "Coder-Session-Token": token, ...type },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }
}

/** Has the agent track a path for one chat after the other, and remembers what was acknowledged. */
export class Tracking {
  /** Ids of chats. */
  readonly chats: string[] = [];
  readonly #socket: string;
  readonly #path: string;

  /** @param socket the agent's control socket @param path which each of the chats is said to have touched */
  constructor(socket: string, path: string) {
    this.#socket = socket;
    this.#path = path;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const chat = randomUUID();
      const request = { type: "track" as const, chat, ancestors: [], paths: [this.#path] };
      await askAgent(this.#socket, request).then(
        () => this.chats.push(chat),
        () => undefined, // refused, or the agent is gone
      );
      await pause(20);
    }
  }

  /** @returns which of the acknowledged tracks the agent no longer knows */
  async check(): Promise<string[]> {
    const reply = await askAgent(this.#socket, { type: "status" });
    if (reply.type !== "status") return [`the agent answers a question for its status with ${reply.type}`];
    const known = new Map(reply.status.chats.map(({ chat, tracked_paths }) => [chat, tracked_paths]));
    return this.chats
      .filter((chat) => known.get(chat) !== 1)
      .map((chat) => `the acknowledged track of ${chat} is gone`);
  }
}
