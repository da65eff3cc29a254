// The process of all agents of the cluster benchmark: each has a workspace of its own, with one tree of one file.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { type TreeFile, TUNNEL_PATH, TUNNEL_SUBPROTOCOL, TUNNEL_VERSION } from "../../src/protocol/index.js";
import { clockMs, groupId } from "../relay/messages.js";
import { serve } from "../relay/part.js";
import { type AgentsOptions, type FromAgents, markOf, type ToAgents } from "./messages.js";

/** So many connect at a time. */
const BATCH = 50;
/** Edits that are due go out together so often, in milliseconds. */
const TICK_MS = 2;

const options: AgentsOptions = JSON.parse(process.argv[2] ?? "");
// of letters by chance, for a real diff is not packed to nothing
const filler = `+${randomBytes(Math.ceil((options.bytes * 3) / 4)).toString("base64")}\n`;

class Agent {
  readonly #root: string;
  readonly #socket: WebSocket;
  #edits = 0;

  private constructor(number: number, socket: WebSocket) {
    this.#root = `/work/${groupId(number)}`;
    this.#socket = socket;
    socket.on("error", (error) => {
      throw error;
    });
  }

  static async connect(number: number, token: string): Promise<Agent> {
    const socket = new WebSocket(options.url + TUNNEL_PATH, TUNNEL_SUBPROTOCOL, {
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
    });
    const agent = new Agent(number, socket);
    await once(socket, "open");
    const welcome = new Promise<void>((resolve) => {
      socket.on("message", (data) => agent.#heard(JSON.parse(String(data)), resolve));
    });
    agent.#say({ type: "hello", protocol: TUNNEL_VERSION, agent: "bench" });
    await welcome;
    return agent;
  }

  #heard(message: { type: string; chat?: string; id?: number }, welcomed: () => void): void {
    if (message.type === "welcome") welcomed();
    if (message.type === "watch") {
      this.#say({ type: "chat", chat: message.chat, roots: [this.#root] });
      this.#tell(null);
    }
    if (message.type === "resync") this.#tell(null);
    if (message.type === "refresh") {
      this.#say({ type: "refreshed", id: message.id, scanned_at: new Date().toISOString() });
    }
  }

  edit(): void {
    const before = this.#seq;
    this.#edits += 1;
    this.#tell(before);
  }

  /** Of the state with so many edits. */
  get #seq(): number {
    return this.#edits + 1;
  }

  #tell(base: number | null): void {
    const hunks = `@@ -0,0 +1,2 @@\n${filler}+${markOf(this.#edits, clockMs())}\n`;
    const header = "diff --git a/x b/x\n";
    const file: TreeFile = { key: "t:x", path: "x", header, hunks, additions: 2, deletions: 0, omitted_bytes: 0 };
    const scanned_at = new Date().toISOString();
    const meta = { head: "", branch: "main", remote_origin: "", scanned_at, health: "", too_large_bytes: 0 };
    const tree = { type: "tree", root: this.#root, epoch: "bench-epoch", seq: this.#seq, base };
    this.#say({ ...tree, meta, upserts: [file], removes: [], more: false });
  }

  #say(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }
}

const agents: Agent[] = [];
let edits = 0;

serve<ToAgents, FromAgents>(async (order) => {
  if (order.kind === "come") await come();
  else await edit(order.count, order.perSecond);
  return { edits };
});

async function come(): Promise<void> {
  while (agents.length < options.tokens.length) {
    const tokens = options.tokens.slice(agents.length, agents.length + BATCH);
    agents.push(...(await Promise.all(tokens.map((token, at) => Agent.connect(agents.length + at, token)))));
  }
}

async function edit(count: number, perSecond: number): Promise<void> {
  const startedAtMs = performance.now();
  const begunWith = edits;
  while (edits - begunWith < count) {
    const due = Math.min(count, Math.ceil(((performance.now() - startedAtMs) * perSecond) / 1000));
    for (; edits - begunWith < due; edits += 1) agents[edits % agents.length]?.edit();
    await sleep(TICK_MS);
  }
}
