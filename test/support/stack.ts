import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { bindChat, createToken } from "../../src/relay/commands.js";
import type { ChatBinding } from "../../src/relay/store/index.js";
import { type Program, startProgram } from "./program.js";
import { ALLOW_TEMP, type Cleanup, tempDir } from "./temp.js";

const listening = z.object({ event: z.literal("listening"), url: z.url() });

/** What a relay is started with besides. */
interface RelayOptions {
  args?: readonly string[];
  env?: NodeJS.ProcessEnv;
}

/** The built relay as a process, with what is needed to talk to it. */
export class Stack {
  readonly dataDir: string;
  readonly #t: Cleanup;
  readonly #options: RelayOptions;
  relay: Program;
  url = "";

  private constructor(t: Cleanup, dataDir: string, options: RelayOptions) {
    this.#t = t;
    this.dataDir = dataDir;
    this.#options = options;
    this.relay = this.#serve("127.0.0.1:0");
  }

  static async start(t: Cleanup, options: RelayOptions = {}): Promise<Stack> {
    const stack = new Stack(t, join(tempDir(t), "data"), options);
    await stack.#ready();
    return stack;
  }

  /** Starts the relay again, where it was. */
  async restartRelay(): Promise<void> {
    this.relay = this.#serve(new URL(this.url).host);
    await this.#ready();
  }

  /** Makes a client's token. @returns its text */
  clientToken(user: string, admin = false): Promise<string> {
    return createToken(this.dataDir, { kind: "client", user, admin });
  }

  /** Makes an agent's token. @returns the file that holds it */
  async agentToken(workspace: string): Promise<string> {
    const file = join(tempDir(this.#t), "token");
    writeFileSync(file, `${await createToken(this.dataDir, { kind: "agent", workspace })}\n`);
    return file;
  }

  /** Makes a chat, or binds it anew. @returns its id */
  async bind(binding: Partial<ChatBinding> & { workspace: string }): Promise<string> {
    return (await bindChat(this.dataDir, { chat: randomUUID(), ...binding })).id;
  }

  /** Starts an agent for a workspace, a new one by default, that connects to `relay`, by default where that is; unless `env` says another thing, it may show every {@link tempDir}. @param t the test with which it ends */
  async startAgent(
    t: Cleanup,
    options: {
      workspace?: string;
      tokenFile?: string;
      args?: readonly string[];
      env?: NodeJS.ProcessEnv;
      relay?: string;
    } = {},
  ) {
    const { workspace = randomUUID(), args = [], env = {}, relay = this.url } = options;
    const { tokenFile = await this.agentToken(workspace) } = options;
    const agent = startProgram(t, "agent", ["--relay", relay, "--token-file", tokenFile, ...args], {
      env: { ...ALLOW_TEMP, ...env },
    });
    return { workspace, agent };
  }

  #serve(listen: string): Program {
    const { args = [], env } = this.#options;
    const all = ["serve", "--data-dir", this.dataDir, "--listen", listen, ...args];
    return startProgram(this.#t, "relay", all, { ...(env !== undefined && { env }) });
  }

  async #ready(): Promise<void> {
    const line = await this.relay.line("its first line", (text) => text.startsWith("{"));
    this.url = listening.parse(JSON.parse(line)).url;
  }
}
