import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { bindChat, createToken } from "../../src/relay/commands.js";
import type { ChatBinding } from "../../src/relay/store/index.js";
import { type Program, startProgram } from "./program.js";
import { ALLOW_TEMP, type Cleanup, tempDir } from "./temp.js";

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

  /** Starts an agent for a workspace, a new one by default; unless `env` says another thing, it may show every {@link tempDir}. @param t the test with which it ends */
  startAgent(
    t: Cleanup,
    options: { workspace?: string; tokenFile?: string; args?: readonly string[]; env?: NodeJS.ProcessEnv } = {},
  ) {
    const { workspace = randomUUID(), args = [], env = {} } = options;
    const { tokenFile = this.agentToken(workspace) } = options;
    const agent = startProgram(t, "agent", ["--relay", this.url, "--token-file", tokenFile, ...args], {
      env: { ...ALLOW_TEMP, ...env },
    });
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
