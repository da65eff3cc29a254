import { once } from "node:events";
import { WebSocket } from "ws";
import { type TreeFile, TUNNEL_PATH, TUNNEL_SUBPROTOCOL, TUNNEL_VERSION } from "../../src/protocol/index.js";
import { bindChat, createToken } from "../../src/relay/index.js";
import { groupId } from "../relay/messages.js";

/** How often each agent tells an edit, in milliseconds. */
const EDIT_MS = 500;

/** How long the last edits may take to come, in milliseconds. */
const SETTLE_MS = 60_000;

const FILLER = "+a line of a diff, of the usual length, to and fro\n".repeat(40);

/** What the viewers of all agents have seen. */
export interface Seen {
  /** From each edit's send to its receipt by each viewer, in milliseconds. */
  latencies: number[];
  /** Frames whose text is not, byte for byte, that of the edit that was told. */
  wrong: number;
  /** Edits that a viewer was never shown, with the whole last state among those that count. */
  lost: number;
  /** Sockets of honest parties that were closed. */
  closed: number;
}

/** Agents that edit one file each, now and then, and the viewers of each. */
export class HonestParties {
  readonly #pairs: Workspace[];

  private constructor(pairs: Workspace[]) {
    this.#pairs = pairs;
  }

  /** Makes tokens and chats in the relay's directory, and connects everybody. */
  static async connect(
    relay: { url: string; dataDir: string },
    agents: number,
    viewersEach: number,
  ): Promise<HonestParties> {
    const clientToken = await createToken(relay.dataDir, { kind: "client", user: "honest" });
    const pairs: Workspace[] = [];
    for (let number = 0; number < agents; number += 1) {
      const id = groupId(number);
      const token = await createToken(relay.dataDir, { kind: "agent", workspace: id });
      await bindChat(relay.dataDir, { chat: id, workspace: id, owner: "honest" });
      pairs.push(await Workspace.connect(relay.url, id, { agent: token, client: clientToken }, viewersEach));
    }
    return new HonestParties(pairs);
  }

  /** Lets every agent edit for so long, and waits until every viewer has what it is to have. */
  async work(forMs: number): Promise<Seen> {
    const seen: Seen = { latencies: [], wrong: 0, lost: 0, closed: 0 };
    for (const pair of this.#pairs) pair.report = seen;
    const end = performance.now() + forMs;
    const turns = this.#pairs.map(async (pair, at) => {
      await sleep((at * EDIT_MS) / this.#pairs.length);
      while (performance.now() < end) {
        const start = performance.now();
        await within(pair.edit(), SETTLE_MS);
        await sleep(Math.max(0, EDIT_MS - (performance.now() - start)));
      }
    });
    await Promise.all(turns);
    for (const pair of this.#pairs) {
      seen.lost += pair.missing;
      seen.closed += pair.closed;
    }
    return seen;
  }

  stop(): void {
    for (const pair of this.#pairs) pair.stop();
  }
}

/** One agent with one tree, and its viewers. */
class Workspace {
  report: Seen = { latencies: [], wrong: 0, lost: 0, closed: 0 };
  closed = 0;
  readonly #agent: WebSocket;
  readonly #viewers: WebSocket[] = [];
  readonly #root: string;
  /** The edit that is told now, when it was told, and who has not seen it yet. */
  #edit = 0;
  #sentAt = 0;
  readonly #waiting = new Set<WebSocket>();
  #allHaveIt: () => void = () => undefined;

  private constructor(agent: WebSocket, id: string) {
    this.#agent = agent;
    this.#root = `/work/${id}`;
    agent.on("message", (data) => this.#answer(JSON.parse(String(data))));
    agent.on("close", () => this.#lostSocket());
    agent.on("error", () => undefined);
  }

  static async connect(
    url: string,
    id: string,
    tokens: { agent: string; client: string },
    viewers: number,
  ): Promise<Workspace> {
    const socketUrl = url.replace(/^http/, "ws");
    const agent = new WebSocket(socketUrl + TUNNEL_PATH, TUNNEL_SUBPROTOCOL, {
      headers: { authorization: `Bearer ${tokens.agent}` },
      perMessageDeflate: false,
    });
    const workspace = new Workspace(agent, id);
    await once(agent, "open");
    const welcome = once(agent, "message");
    workspace.#say({ type: "hello", protocol: TUNNEL_VERSION, agent: "bench" });
    await welcome;
    for (let number = 0; number < viewers; number += 1) {
      const viewer = new WebSocket(`${socketUrl}/chats/${id}/git/watch`, {
        headers: { "coder-session-token": tokens.client },
        perMessageDeflate: false,
      });
      viewer.on("message", (data) => workspace.#shown(viewer, JSON.parse(String(data))));
      viewer.on("close", () => workspace.#lostSocket());
      viewer.on("error", () => undefined);
      const first = once(viewer, "message");
      await once(viewer, "open");
      await first;
      workspace.#viewers.push(viewer);
    }
    return workspace;
  }

  /** How many viewers still lack the last edit. */
  get missing(): number {
    return this.#waiting.size;
  }

  /** Tells an edit; resolves when every viewer has it. */
  edit(): Promise<void> {
    this.report.lost += this.#waiting.size; // another edit takes its place
    this.#edit += 1;
    this.#waiting.clear();
    for (const viewer of this.#viewers) this.#waiting.add(viewer);
    this.#sentAt = performance.now();
    const done = new Promise<void>((resolve) => {
      this.#allHaveIt = resolve;
    });
    this.#tellTree(this.#edit - 1 || null);
    return done;
  }

  stop(): void {
    for (const socket of [this.#agent, ...this.#viewers]) {
      socket.removeAllListeners("close");
      socket.terminate();
    }
  }

  #answer(message: { type: string; chat?: string; id?: number }): void {
    const scannedAt = new Date().toISOString();
    if (message.type === "watch") {
      this.#say({ type: "chat", chat: message.chat, roots: [this.#root] });
      this.#tellTree(null);
    } else if (message.type === "resync") {
      this.#tellTree(null);
    } else if (message.type === "refresh") {
      this.#say({ type: "refreshed", id: message.id, scanned_at: scannedAt });
    }
  }

  #tellTree(base: number | null): void {
    if (this.#edit === 0) this.#edit = 1;
    const scannedAt = new Date().toISOString();
    const file: TreeFile = {
      key: "t:x",
      path: "x",
      ...textOf(this.#edit),
      additions: 41,
      deletions: 0,
      omitted_bytes: 0,
    };
    const meta = { head: "", branch: "main", remote_origin: "", scanned_at: scannedAt, health: "", too_large_bytes: 0 };
    const tree = { type: "tree", root: this.#root, epoch: "bench-epoch", seq: this.#edit, base, meta };
    this.#say({ ...tree, upserts: [file], removes: [], more: false });
  }

  #say(message: object): void {
    this.#agent.send(JSON.stringify(message));
  }

  #shown(
    viewer: WebSocket,
    message: { type: string; repositories?: { repo_root: string; unified_diff: string }[] },
  ): void {
    const now = performance.now();
    const { header, hunks } = textOf(this.#edit);
    for (const { repo_root: root, unified_diff: diff } of message.repositories ?? []) {
      if (root !== this.#root || diff !== header + hunks) {
        this.report.wrong += 1;
        continue;
      }
      if (!this.#waiting.delete(viewer)) continue;
      this.report.latencies.push(now - this.#sentAt);
      if (this.#waiting.size === 0) this.#allHaveIt();
    }
    if (message.type === "error") this.report.wrong += 1; // an honest chat has no trouble
  }

  #lostSocket(): void {
    this.closed += 1;
  }
}

function textOf(edit: number): { header: string; hunks: string } {
  return { header: "diff --git a/x b/x\n", hunks: `@@ -0,0 +1,41 @@\n${FILLER}+edit ${edit}\n` };
}

/** Waits for it, or for so long, in milliseconds. */
async function within(done: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const isOver = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([done, isOver]);
  clearTimeout(timer); // it would keep the process for a minute
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
