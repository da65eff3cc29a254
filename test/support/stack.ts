import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { WebSocket } from "ws";
import { z } from "zod";
import { type RepositoryChange, type ServerMessage, serverMessageSchema } from "../../src/protocol/index.js";
import { bindChat, createToken } from "../../src/relay/commands.js";
import type { ChatBinding } from "../../src/relay/store/index.js";
import { type Program, startProgram } from "./program.js";
import { type Cleanup, tempDir } from "./temp.js";
import { until } from "./until.js";

const listening = z.object({ event: z.literal("listening"), url: z.url() });

/** The built relay as a process, with what is needed to talk to it. */
export class Stack {
  readonly dataDir: string;
  readonly #t: Cleanup;
  relay: Program;
  url = "";

  private constructor(t: Cleanup, dataDir: string, relay: Program) {
    this.#t = t;
    this.dataDir = dataDir;
    this.relay = relay;
  }

  static async start(t: Cleanup): Promise<Stack> {
    const dataDir = join(tempDir(t), "data");
    const stack = new Stack(t, dataDir, serve(t, dataDir, "127.0.0.1:0"));
    await stack.#ready();
    return stack;
  }

  /** Starts the relay again, where it was. */
  async restartRelay(): Promise<void> {
    this.relay = serve(this.#t, this.dataDir, new URL(this.url).host);
    await this.#ready();
  }

  /** Makes a client's token. @returns its text */
  clientToken(user: string, admin = false): string {
    return createToken(this.dataDir, { kind: "client", user, admin });
  }

  /** Makes an agent's token. @returns the file that holds it */
  agentToken(workspace: string): string {
    const file = join(tempDir(this.#t), "token");
    writeFileSync(file, `${createToken(this.dataDir, { kind: "agent", workspace })}\n`);
    return file;
  }

  /** Makes a chat, or binds it anew. @returns its id */
  bind(binding: Partial<ChatBinding> & { workspace: string }): string {
    return bindChat(this.dataDir, { chat: randomUUID(), ...binding }).id;
  }

  /** Starts an agent for a workspace, a new one by default. @param t the test with which it ends */
  startAgent(t: Cleanup, options: { workspace?: string; tokenFile?: string; args?: readonly string[] } = {}) {
    const { workspace = randomUUID(), args = [] } = options;
    const { tokenFile = this.agentToken(workspace) } = options;
    const agent = startProgram(t, "agent", ["--relay", this.url, "--token-file", tokenFile, ...args]);
    return { workspace, agent };
  }

  async #ready(): Promise<void> {
    const line = await this.relay.line("its first line", (text) => text.startsWith("{"));
    this.url = listening.parse(JSON.parse(line)).url;
  }
}

function serve(t: Cleanup, dataDir: string, listen: string): Program {
  return startProgram(t, "relay", ["serve", "--data-dir", dataDir, "--listen", listen]);
}

/** What came in place of an upgrade. */
export interface Refusal {
  status: number;
  message: string;
}

/** A client of a chat's git stream that keeps its map of repositories as docs/protocol.md says. */
export class WatchClient {
  readonly messages: ServerMessage[] = [];
  /** The repositories as this client would show them, by root. */
  readonly repositories = new Map<string, RepositoryChange>();
  readonly #socket: WebSocket;
  #closeCode: number | undefined;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => this.#receive(serverMessageSchema.parse(JSON.parse(String(data)))));
    socket.on("close", (code) => {
      this.#closeCode = code;
    });
    socket.on("error", () => {}); // the tests end relays
  }

  /** Tries once. @returns the client, or what the relay answered instead */
  static async open(t: Cleanup, url: string, path: string, token?: string): Promise<WatchClient | Refusal> {
    const headers = token === undefined ? {} : { "Coder-Session-Token": token };
    const socket = new WebSocket(url.replace(/^http/, "ws") + path, { headers });
    t.teardown(() => socket.terminate());
    const client = new WatchClient(socket);
    const refused = new Promise<Refusal>((resolve, reject) => {
      socket.once("unexpected-response", async (_request, response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk);
        const body = JSON.parse(Buffer.concat(chunks).toString());
        resolve({ status: response.statusCode ?? 0, message: body.message });
      });
      socket.once("error", reject);
    });
    const opened = once(socket, "open").then(() => client);
    opened.catch(() => {}); // told by `refused`
    return Promise.race([opened, refused]);
  }

  /** Connects to a chat, waiting for its agent if need be, and for the first frame. */
  static async watch(t: Cleanup, url: string, chat: string, token: string): Promise<WatchClient> {
    let last: Refusal | undefined;
    const client = await until(
      "the stream is open",
      async () => {
        const answer = await WatchClient.open(t, url, `/api/v2/chats/${chat}/git/watch`, token).catch(() => undefined);
        if (answer instanceof WatchClient) return answer;
        last = answer;
        return undefined;
      },
      { seen: () => last, deadlineMs: 20_000 },
    );
    await until("the first frame", () => client.changes.length > 0, { seen: () => client.messages });
    return client;
  }

  get changes(): Extract<ServerMessage, { type: "changes" }>[] {
    return this.messages.filter((message) => message.type === "changes");
  }

  get errors(): string[] {
    return this.messages.flatMap((message) => (message.type === "error" ? message.message : []));
  }

  get closeCode(): number | undefined {
    return this.#closeCode;
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  close(): void {
    this.#socket.close();
  }

  /** Waits until a repository is shown in a way that `matches`; `undefined` stands for "not shown". */
  shows(root: string, what: string, matches: (change: RepositoryChange | undefined) => boolean): Promise<true> {
    return until(`${root} ${what}`, () => matches(this.repositories.get(root)) || undefined, {
      seen: () => this.messages.slice(-3),
    }).then(() => true);
  }

  /** Waits until a repository's diff is this text. */
  showsDiff(root: string, text: string): Promise<true> {
    return this.shows(root, `shows ${JSON.stringify(text)}`, (change) => change?.unified_diff === text);
  }

  #receive(message: ServerMessage): void {
    this.messages.push(message);
    if (message.type !== "changes") return;
    for (const change of message.repositories ?? []) {
      if (change.removed) this.repositories.delete(change.repo_root);
      else this.repositories.set(change.repo_root, change);
    }
  }
}
