import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { type TreeFile, TUNNEL_PATH, TUNNEL_SUBPROTOCOL, TUNNEL_VERSION } from "../../src/protocol/index.js";
import { type FromServer, groupId, type Memory, type ToServer } from "./server-messages.js";

/** The last characters of each frame's text: which update it carries. */
const MARK = /update (\d{9})/;

/** A server process, its clients in this one, and whoever gives it what to send. */
export class Audience {
  readonly name: "relay" | "peer";
  readonly #server: ChildProcess;
  readonly #url: string;
  readonly #token: string;
  readonly #source: WebSocket;
  readonly #filler: string;
  readonly clients: Client[] = [];
  #update = 0;
  #seq = 0;

  private constructor(
    name: "relay" | "peer",
    server: ChildProcess,
    url: string,
    token: string,
    source: WebSocket,
    filler: string,
  ) {
    this.name = name;
    this.#server = server;
    this.#url = url;
    this.#token = token;
    this.#source = source;
    this.#filler = filler;
  }

  /** @param frameBytes how large a frame is, about */
  static async start(name: "relay" | "peer", groups: number, frameBytes: number): Promise<Audience> {
    const program = fileURLToPath(new URL("./relay-server.js", import.meta.url));
    const server = fork(program, [name, String(groups)], { execArgv: ["--expose-gc"] });
    const [listening]: FromServer[] = await once(server, "message");
    if (listening?.kind !== "listening") throw new Error("the server does not listen");
    const { url, agentToken, clientToken } = listening;
    const filler = "+a line of a diff, of the usual length, to and fro\n".repeat(Math.ceil(frameBytes / 51));
    const source =
      name === "peer"
        ? new WebSocket(`${url}/agent`, { perMessageDeflate: false })
        : new WebSocket(url + TUNNEL_PATH, TUNNEL_SUBPROTOCOL, {
            headers: { authorization: `Bearer ${agentToken}` },
            perMessageDeflate: false,
          });
    const audience = new Audience(name, server, url, clientToken, source, filler);
    await once(source, "open");
    if (name === "relay") await audience.#beAgent();
    return audience;
  }

  /** Says hello, and answers what the relay asks: every chat has a tree, and every barrier passes at once. */
  async #beAgent(): Promise<void> {
    const source = this.#source;
    const say = (message: object) => source.send(JSON.stringify(message));
    const welcome = new Promise<void>((resolve) => {
      source.on("message", (data) => {
        const message = JSON.parse(String(data));
        if (message.type === "welcome") resolve();
        if (message.type === "watch") {
          say({ type: "chat", chat: message.chat, roots: [`/${message.chat}`] });
          this.#tellTree(message.chat, "update 000000000");
        }
        if (message.type === "refresh")
          say({ type: "refreshed", id: message.id, scanned_at: new Date().toISOString() });
      });
    });
    say({ type: "hello", protocol: TUNNEL_VERSION, agent: "bench" });
    await welcome;
  }

  /** Connects clients, dealt over the groups. */
  async connect(count: number, groups: number): Promise<Client[]> {
    const made: Client[] = [];
    while (made.length < count) {
      const batch = Array.from({ length: Math.min(100, count - made.length) }, (_, at) =>
        Client.open(`${this.#url}/chats/${groupId((made.length + at) % groups)}/git/watch`, this.#token),
      );
      made.push(...(await Promise.all(batch)));
    }
    this.clients.push(...made);
    if (this.name === "relay") await Promise.all(made.map((client) => client.reached(0)));
    return made;
  }

  /** Sends one update to each group, and waits until these clients have it. @returns each one's latency in milliseconds */
  async update(groups: number, clients: readonly Client[]): Promise<number[]> {
    this.#update += 1;
    const start = performance.now();
    const mark = `update ${String(this.#update).padStart(9, "0")}`;
    for (let group = 0; group < groups; group += 1) this.#tellTree(groupId(group), mark);
    const times = await Promise.all(clients.map((client) => client.reached(this.#update)));
    return times.map((time) => time - start);
  }

  /** To the relay as its agent would; to the peer as the bytes that the relay makes of it. */
  #tellTree(group: string, mark: string): void {
    const scannedAt = new Date().toISOString();
    const hunks = `@@ -0,0 +1 @@\n${this.#filler}+${mark}\n`;
    const header = "diff --git a/x b/x\n";
    if (this.name === "peer") {
      const repository = { repo_root: `/${group}`, branch: "main", unified_diff: header + hunks };
      const frame = JSON.stringify({ type: "changes", scanned_at: scannedAt, repositories: [repository] });
      this.#source.send(Buffer.from(group + frame));
      return;
    }
    this.#seq += 1;
    const file: TreeFile = { key: "t:x", path: "x", header, hunks, additions: 1, deletions: 0, omitted_bytes: 0 };
    const meta = { head: "", branch: "main", remote_origin: "", scanned_at: scannedAt, health: "", too_large_bytes: 0 };
    const tree = { type: "tree", root: `/${group}`, epoch: "bench-epoch", seq: this.#seq, base: null };
    this.#source.send(JSON.stringify({ ...tree, meta, upserts: [file], removes: [], more: false }));
  }

  /** How often a frame had to wait so far, because its client had not read the one before. Of the relay alone. */
  async waiting(): Promise<number> {
    const response = await fetch(`${this.#url.replace(/^ws/, "http")}/metrics`, {
      headers: { authorization: `Bearer ${this.#token}` }, // an admin's
    });
    const [, count] = /^treewire_drops_total\{reason="slow_client"\} (\d+)/m.exec(await response.text()) ?? [];
    return Number(count ?? 0);
  }

  async memory(): Promise<Memory> {
    const message: ToServer = "memory";
    this.#server.send(message);
    const [answer]: FromServer[] = await once(this.#server, "message");
    if (answer?.kind !== "memory") throw new Error("the server does not tell its memory");
    return answer.memory;
  }

  async stop(): Promise<void> {
    for (const { socket } of this.clients) socket.terminate();
    this.#source.terminate();
    const gone = once(this.#server, "exit");
    const message: ToServer = "stop";
    this.#server.send(message);
    await gone;
  }
}

/** A client that looks for the mark in each frame, and reads nothing else of it. */
export class Client {
  readonly socket: WebSocket;
  #reached = -1;
  #at = 0;
  #wanted = -1;
  #wake: (time: number) => void = () => undefined;
  frames = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data) => {
      const bytes = data as Buffer;
      const mark = MARK.exec(bytes.toString("latin1", Math.max(0, bytes.length - 80)));
      if (mark === null) return;
      this.frames += 1;
      this.#reached = Number(mark[1]);
      this.#at = performance.now();
      if (this.#reached >= this.#wanted) this.#wake(this.#at);
    });
    socket.on("error", () => undefined);
  }

  static async open(url: string, token: string): Promise<Client> {
    const headers = { "coder-session-token": token };
    const client = new Client(new WebSocket(url, { headers, perMessageDeflate: false }));
    await once(client.socket, "open");
    return client;
  }

  /** Resolves with when the update, or a later one, came. */
  reached(update: number): Promise<number> {
    if (this.#reached >= update) return Promise.resolve(this.#at);
    return new Promise((resolve) => {
      this.#wanted = update;
      this.#wake = resolve;
    });
  }
}
