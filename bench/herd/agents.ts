// The process of all agents of the herd benchmark: each has a workspace of its own, with one tree.
import { WebSocket } from "ws";
import { type TreeFile, TUNNEL_PATH, TUNNEL_SUBPROTOCOL, TUNNEL_VERSION } from "../../src/protocol/index.js";
import { clockMs, groupId } from "../relay/messages.js";
import { serve } from "../relay/part.js";
import type { FromHerd, HerdOptions, ToHerd } from "./messages.js";

/** Who is turned away, or finds nobody, is back after so many milliseconds. */
const RETRY_MS = 100;
const LINE = "+a line of a diff, of the usual length, to and fro\n";

const options: HerdOptions = JSON.parse(process.argv[2] ?? "");
const filler = LINE.repeat(Math.ceil(options.frameBytes / LINE.length));
let edit = 0;

/** One that says of its tree what the relay does not have yet. */
class Agent {
  readonly #token: string;
  readonly #root: string;
  #socket: WebSocket | undefined;
  #isComing = false;

  constructor(number: number, token: string) {
    this.#root = `/work/${groupId(number)}`;
    this.#token = token;
  }

  /** Resolves when it is welcome. */
  come(): Promise<void> {
    this.#isComing = true;
    return new Promise((resolve) => this.#connect(resolve));
  }

  cut(): void {
    this.#socket?.terminate();
  }

  #connect(onWelcome: () => void): void {
    const socket = new WebSocket(options.url + TUNNEL_PATH, TUNNEL_SUBPROTOCOL, {
      headers: { authorization: `Bearer ${this.#token}` },
      perMessageDeflate: false,
    });
    this.#socket = socket;
    socket.on("open", () => socket.send(JSON.stringify({ type: "hello", protocol: TUNNEL_VERSION, agent: "bench" })));
    socket.on("error", () => undefined); // its end follows
    socket.on("close", () => {
      if (this.#isComing) setTimeout(() => this.#connect(onWelcome), RETRY_MS);
    });
    let hasState = false;
    socket.on("message", (data) => {
      const message = JSON.parse(String(data));
      const scanned_at = new Date().toISOString();
      const say = (answer: object) => socket.send(JSON.stringify(answer));
      if (message.type === "welcome") {
        const held: { root: string; seq: number }[] = message.held;
        hasState = held.some(({ root, seq }) => root === this.#root && seq === edit);
        this.#isComing = false;
        onWelcome();
      }
      if (message.type === "watch") {
        say({ type: "chat", chat: message.chat, roots: [this.#root] });
        say(hasState ? { type: "scanned", root: this.#root, scanned_at } : this.#tree(scanned_at));
      }
      if (message.type === "refresh") say({ type: "refreshed", id: message.id, scanned_at });
    });
  }

  #tree(scannedAt: string): object {
    const hunks = `@@ -0,0 +1 @@\n${filler}+edit ${String(edit).padStart(9, "0")}\n`;
    const header = "diff --git a/x b/x\n";
    const file: TreeFile = { key: "t:x", path: "x", header, hunks, additions: 1, deletions: 0, omitted_bytes: 0 };
    const meta = { head: "", branch: "main", remote_origin: "", scanned_at: scannedAt, health: "", too_large_bytes: 0 };
    const tree = { type: "tree", root: this.#root, epoch: "bench-epoch", seq: edit, base: null };
    return { ...tree, meta, upserts: [file], removes: [], more: false };
  }
}

const agents = options.tokens.map((token, number) => new Agent(number, token));
serve<ToHerd, FromHerd>(async (order) => {
  if (order.kind === "cut") for (const agent of agents) agent.cut();
  else {
    edit = order.edit;
    await Promise.all(agents.map((agent) => agent.come()));
  }
  return { doneAt: clockMs() };
});
