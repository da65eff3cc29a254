import { once } from "node:events";
import type { Socket } from "node:net";
import { WebSocket } from "ws";
import {
  type AgentMessage,
  type RelayMessage,
  relayMessageSchema,
  type TreeFile,
  type TreeMeta,
  TUNNEL_PATH,
  TUNNEL_SUBPROTOCOL,
  TUNNEL_VERSION,
} from "../../../src/protocol/index.js";
import type { Cleanup } from "../../support/temp.js";
import { until } from "../../support/until.js";

type Kind = RelayMessage["type"];
type Of<T extends Kind> = Extract<RelayMessage, { type: T }>;

/** The agent's end of a tunnel, by hand: what a test says, and a record of what the relay said. */
export class FakeAgent {
  readonly received: RelayMessage[] = [];
  /** The code that the relay closed with. */
  closeCode: number | undefined;
  /** What it said with it. */
  closeReason = "";
  /** Called when the connection is closed. */
  onClose: () => void = () => undefined;
  /** Called when a state was taken over. */
  onAck: () => void = () => undefined;
  /** How often the relay has pinged. */
  pings = 0;
  /** Answers every `refresh` at once. */
  answersRefresh = true;
  /** The trees that a chat has; told on every `watch`. `undefined`: the test says so itself. */
  rootsOf: ((chat: string) => string[]) | undefined;
  /** Trees that are told whole whenever a chat is watched. */
  readonly trees = new Map<string, { files: TreeFile[]; meta?: Partial<TreeMeta>; epoch: string; seq: number }>();
  /** Roots of trees that were sent over this connection. */
  readonly #sent = new Set<string>();
  readonly #socket: WebSocket;
  #stream: Socket | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.once("upgrade", (response) => {
      this.#stream = response.socket;
    });
    socket.on("message", (data) => this.#receive(relayMessageSchema.parse(JSON.parse(String(data)))));
    socket.on("ping", () => {
      this.pings += 1;
    });
    socket.on("close", (code, reason) => {
      this.closeReason = String(reason);
      this.closeCode = code;
      this.onClose();
    });
    socket.on("error", () => undefined);
  }

  /** Connects and, unless told otherwise, says hello and waits for the welcome. */
  static async connect(
    t: Cleanup,
    url: string,
    token: string,
    options: { hello?: boolean; autoPong?: boolean; rootsOf?: (chat: string) => string[] } = {},
  ): Promise<FakeAgent> {
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}${TUNNEL_PATH}`, TUNNEL_SUBPROTOCOL, {
      headers: { authorization: `Bearer ${token}` },
      autoPong: options.autoPong ?? true,
    });
    t.teardown(() => socket.terminate());
    const agent = new FakeAgent(socket);
    agent.rootsOf = options.rootsOf; // before the hello: chats may be watched already
    await once(socket, "open");
    if (options.hello !== false) {
      agent.send({ type: "hello", protocol: TUNNEL_VERSION, agent: "fake" });
      await agent.next("welcome");
    }
    return agent;
  }

  send(message: AgentMessage): void {
    this.#socket.send(JSON.stringify(message));
  }

  /** Sends all of them by one write, so that they come in one read. */
  sendTogether(messages: readonly AgentMessage[]): void {
    this.#stream?.cork();
    for (const message of messages) this.send(message);
    this.#stream?.uncork();
  }

  sendText(text: string): void {
    this.#socket.send(text);
  }

  /** Puts one file's patch (or a list) into a tree and tells it whole, as a new epoch. */
  tell(root: string, files: TreeFile[], meta: Partial<TreeMeta> = {}): void {
    const epoch = `epoch-${(this.trees.get(root)?.epoch ?? "epoch-00000000").slice(6)}`;
    const seq = (this.trees.get(root)?.seq ?? 0) + 1;
    this.trees.set(root, { files, meta, epoch, seq });
    this.#sendWhole(root);
  }

  /** Tells what changes in a tree that was told before, in one part or several. @param parts each with its files and keys */
  change(
    root: string,
    parts: readonly { upserts?: TreeFile[]; removes?: string[] }[],
    meta: Partial<TreeMeta> = {},
  ): void {
    const tree = this.trees.get(root);
    if (tree === undefined) throw new Error(`${root} was not told`);
    const { epoch, seq: base } = tree;
    tree.seq += 1;
    for (const [at, { upserts = [], removes = [] }] of parts.entries()) {
      const more = at < parts.length - 1;
      this.send({ type: "tree", root, epoch, seq: tree.seq, base, meta: metaOf(meta), upserts, removes, more });
    }
  }

  /** The messages of a kind so far. */
  all<T extends Kind>(type: T): Of<T>[] {
    return this.received.filter((message): message is Of<T> => message.type === type);
  }

  /** Waits for the `count`-th message of a kind. */
  next<T extends Kind>(type: T, count = 1): Promise<Of<T>> {
    return until(`the agent gets ${type} number ${count}`, () => this.all(type)[count - 1], {
      seen: () => this.received,
    });
  }

  closed(): Promise<number> {
    return until("the agent's socket is closed", () => this.closeCode);
  }

  /** Says goodbye, behind what it has sent. */
  leave(): void {
    this.#socket.close(1000);
  }

  /** Loses the connection without a word. */
  vanish(): void {
    this.#socket.terminate();
  }

  #sendWhole(root: string): void {
    const tree = this.trees.get(root);
    if (tree === undefined) return;
    const { epoch, seq, files } = tree;
    this.#sent.add(root);
    this.send({
      type: "tree",
      root,
      epoch,
      seq,
      base: null,
      meta: metaOf(tree.meta),
      upserts: files,
      removes: [],
      more: false,
    });
  }

  #receive(message: RelayMessage): void {
    this.received.push(message);
    if (message.type === "ack") this.onAck();
    if (message.type === "watch" && this.rootsOf !== undefined) {
      const roots = this.rootsOf(message.chat);
      this.send({ type: "chat", chat: message.chat, roots });
      // as a real agent: the relay has what it was sent before
      for (const root of roots) if (!this.#sent.has(root)) this.#sendWhole(root);
    }
    if (message.type === "refresh" && this.answersRefresh) {
      this.send({ type: "refreshed", id: message.id, scanned_at: new Date(Date.now()).toISOString() }); // the clock that tests shift
    }
  }
}

/** What is true of a tree, where a test does not care. */
export function metaOf(meta: Partial<TreeMeta> = {}): TreeMeta {
  return {
    head: "0123456789012345678901234567890123456789",
    branch: "main",
    remote_origin: "",
    scanned_at: new Date(Date.now()).toISOString(),
    health: "",
    too_large_bytes: 0,
    ...meta,
  };
}

/** A changed file with one hunk: `old` became `text`. */
export function fileOf(path: string, text: string, more: Partial<TreeFile> = {}): TreeFile {
  return {
    key: `t:${path}`,
    path,
    header: `diff --git a/${path} b/${path}\nindex ${"1".repeat(40)}..${"2".repeat(40)} 100644\n--- a/${path}\n+++ b/${path}\n`,
    hunks: `@@ -1 +1 @@\n-old\n+${text}\n`,
    additions: 1,
    deletions: 1,
    omitted_bytes: 0,
    ...more,
  };
}
